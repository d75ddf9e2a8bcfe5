"""Interprets errors of the Messages API: retryable, or refused for good."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import anthropic
import httpx2

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.ports.model import ModelBusy, ModelRejected

BUSY_TYPES = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
OVERLOADED_TYPE = "overloaded_error"
OVERLOADED_STATUS = 529
"""The model is overloaded. Unlike 429, which is the account's own limit: that is for its operator to raise,
and over soon."""
THROTTLED_TYPES = frozenset({OVERLOADED_TYPE, "rate_limit_error"})
THROTTLED_STATUS = frozenset({429, 503, OVERLOADED_STATUS})
"""The service rejected the call without processing it. Bedrock throttles with 429, and responds 503 if a
model has no capacity."""
BUSY_STATUS = frozenset({408, 409, 429})
"""Those of the 4xx that pass, as the SDK has them."""
LIMIT, LEFT = "anthropic-ratelimit-", "-remaining"
SPENT = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
"""Error codes of a 429 for which waiting does not help."""
MISCONFIGURED_STATUS = frozenset({401, 403, 404})
"""Problems with the key, its permissions or the agent's model that an operator must fix."""
MAX_REASON = 500
"""Characters. A proxy may respond with a whole page."""
_KEY = re.compile(r"sk-[A-Za-z0-9_-]{6,}")
_SESSION_TOKEN = re.compile(r"(x-amz-security-token:)[^\s'\"\\]+", re.IGNORECASE)
"""AWS quotes the signed headers when a signature does not match."""


def explain(
    error: Exception, now_ms: int, *, used: Bill | None = None, secrets: Collection[str] = ()
) -> ModelBusy | ModelRejected:
    """Interpret an error of the SDK or the network. ``used`` is what the call has been billed so far,
    ``secrets`` are the tokens it carried.

    An error within the stream has status 200, so the error's type is checked before the status.
    """
    used = used or Bill()
    if not isinstance(error, anthropic.APIStatusError):
        if isinstance(error, httpx2.TimeoutException | anthropic.APITimeoutError):
            return ModelBusy("The model fell silent.", used=used, may_be_billed=not _was_not_sent(error))
        reason = "The connection to the model was lost."
        return ModelBusy(reason, used=used, may_be_billed=not _was_not_sent(error))
    said = redact(error.api_message or error.message, secrets)[:MAX_REASON]
    reason = f"The model's API answered {error.status_code}: {said}"
    # checked before the status, because it is a 429 like temporary limits
    if error.error_code in SPENT:
        return ModelRejected(FailureCode.EXECUTION_ERROR, reason)
    status = error.status_code
    # unknown errors, other than 4xx, count as temporary; attempts are limited
    if error.type in BUSY_TYPES or status in BUSY_STATUS or not 400 <= status < 500:
        overloaded = error.type == OVERLOADED_TYPE or status == OVERLOADED_STATUS
        throttled = error.type in THROTTLED_TYPES or status in THROTTLED_STATUS
        return ModelBusy(reason, asked_to_wait(error.response.headers, now_ms), used, overloaded, throttled)
    misconfigured = status in MISCONFIGURED_STATUS
    code = FailureCode.AGENT_MISCONFIGURED if misconfigured else FailureCode.EXECUTION_ERROR
    return ModelRejected(code, reason)


def _was_not_sent(error: Exception) -> bool:
    """Whether no connection was established, so that the request was not sent."""
    cause = error.__cause__ if isinstance(error, anthropic.APIError) else error
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)


def asked_to_wait(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Seconds to wait as the service asks: by ``retry-after``, or until the last of the exhausted rate limits
    is reset (``anthropic-ratelimit-<limit>-remaining`` and ``-reset``, RFC 3339)."""
    asked = seconds_to_wait(headers.get("retry-after"), now_ms)
    if asked is not None:
        return asked
    used_up = (name[len(LIMIT) : -len(LEFT)] for name in headers if _is_used_up(name, headers[name]))
    resets = [headers.get(f"{LIMIT}{name}-reset") for name in used_up]
    waits = [wait for reset in resets if reset and (wait := _seconds_until(reset, now_ms)) is not None]
    # the latest reset: until then one of the limits rejects every call
    return max(waits, default=None)


def _is_used_up(name: str, value: str) -> bool:
    return name.startswith(LIMIT) and name.endswith(LEFT) and value.strip() == "0"


def _seconds_until(reset: str, now_ms: int) -> float | None:
    try:
        return max(0.0, datetime.fromisoformat(reset).timestamp() - now_ms / 1000)
    except ValueError:
        return None


def seconds_to_wait(retry_after: str | None, now_ms: int) -> float | None:
    """Seconds of a ``retry-after`` header (RFC 9110 §10.2.3: seconds or a date), or None."""
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
    """The text without these secrets and without anything that looks like an API key or session token."""
    for secret in secrets:
        text = text.replace(secret, "[token]")
    text = _SESSION_TOKEN.sub(r"\1[token]", text)
    return _KEY.sub("[key]", text)
