"""What Schemathesis takes for a failure and is none, told apart by the answer. It loads this file itself."""

from typing import Any

import schemathesis

OF_VALUES = frozenset(
    {"cursor", "after", "notBefore", "delaySeconds", "lane", "timeout", "queueTimeout", "maxAttempts"}
    | {"maxTokens", "url", "id", "token", "scheme", "credentials"}
    | {"pageToken", "createdAfter", "createdBefore", "from", "to"}
)
"""Fields that may be refused for what no schema says: a place in no list, what does not go together, leap
seconds, whole numbers written as fractions, an address that is not public, characters that a header or an id
cannot have."""


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:  # noqa: ARG001
    """Whether it is one."""
    body = response.json() if response.content else {}
    match type(failure).__name__, response.status_code:
        case "RejectedPositiveData", 400:
            refused = {detail["field"].rpartition(".")[2] for detail in body.get("details", [])}
            return not refused or not refused <= OF_VALUES
        case "RejectedPositiveData", 422:
            # the key has been used by the request before
            return bool(body["code"] != "IDEMPOTENCY_KEY_REUSED")
        case "RejectedPositiveData", 413:
            # too large as a whole, of which no schema tells
            return False
        case "ServerError", 502 | 504:
            # of a message that waits for its task, which has failed
            return "taskId" not in body
        case "UndefinedStatusCode", 403:
            # the emulator's `*` in a policy does not match a line's end, that of AWS does
            return "%0A" not in case.formatted_path
    return True
