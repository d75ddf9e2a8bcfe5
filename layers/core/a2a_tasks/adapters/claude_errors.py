"""What a failed call to the Messages API means: worth another try, or refused for good."""

import re
from collections.abc import Collection
from email.utils import parsedate_to_datetime

import anthropic
import httpx2

from a2a_tasks.domain.bill import Bill
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.ports.model import ModelBusy, ModelRejected

BUSY_TYPES = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
OVERLOADED_TYPE = "overloaded_error"
OVERLOADED_STATUS = 529
"""The model has too much to do. Not 429, which is the account's own limit: its operator's to raise, and over
soon."""
BUSY_STATUS = frozenset({408, 409, 429})
SPENT = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
"""A 429 that waiting does not cure."""
MISCONFIGURED_STATUS = frozenset({401, 403, 404})
"""The key, its permissions, or the agent's model: an operator must act."""
MAX_REASON = 500
"""Characters; a proxy may answer with a whole page."""
_KEY = re.compile(r"sk-[A-Za-z0-9_-]{6,}")
_SESSION_TOKEN = re.compile(r"(x-amz-security-token:)[^\s'\"\\]+", re.IGNORECASE)
"""AWS quotes the signed headers where a signature does not match."""


def explain(
    error: Exception, now_ms: int, *, used: Bill | None = None, secrets: Collection[str] = ()
) -> ModelBusy | ModelRejected:
    """What an error of the SDK, or of the connection below it, means; ``used`` is what the call was billed
    so far, ``secrets`` are the tokens it carried.

    An error inside the stream has status 200, so the error's type decides before the status does.
    """
    used = used or Bill()
    if not isinstance(error, anthropic.APIStatusError):
        if isinstance(error, httpx2.TimeoutException | anthropic.APITimeoutError):
            return ModelBusy("The model fell silent.", used=used, may_be_billed=not _was_not_sent(error))
        reason = "The connection to the model was lost."
        return ModelBusy(reason, used=used, may_be_billed=not _was_not_sent(error))
    said = redact(error.api_message or error.message, secrets)[:MAX_REASON]
    reason = f"The model's API answered {error.status_code}: {said}"
    if error.error_code in SPENT:
        return ModelRejected(FailureCode.EXECUTION_ERROR, reason)
    status = error.status_code
    if error.type in BUSY_TYPES or status in BUSY_STATUS or not 400 <= status < 500:
        retry_after = seconds_to_wait(error.response.headers.get("retry-after"), now_ms)
        overloaded = error.type == OVERLOADED_TYPE or status == OVERLOADED_STATUS
        return ModelBusy(reason, retry_after, used, overloaded)
    misconfigured = status in MISCONFIGURED_STATUS
    code = FailureCode.AGENT_MISCONFIGURED if misconfigured else FailureCode.EXECUTION_ERROR
    return ModelRejected(code, reason)


def _was_not_sent(error: Exception) -> bool:
    """There was no connection that the request could have gone by."""
    cause = error.__cause__ if isinstance(error, anthropic.APIError) else error
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)


def seconds_to_wait(retry_after: str | None, now_ms: int) -> float | None:
    """Seconds from a ``retry-after`` header (RFC 9110 §10.2.3: seconds, or a date), if it says so."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now_ms / 1000)
    except ValueError:
        return None


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """The text without these secrets, and without anything that looks like an API key or a session token."""
    for secret in secrets:
        text = text.replace(secret, "[token]")
    text = _SESSION_TOKEN.sub(r"\1[token]", text)
    return _KEY.sub("[key]", text)
