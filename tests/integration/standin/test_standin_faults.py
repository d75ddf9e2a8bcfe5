"""What goes wrong with a reply of the stand-in, as the real SDK sees it."""

import asyncio

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from local.standin.client import StandInClient
from local.standin.replies import playback
from tests.integration.standin.sdk import MODEL, ended_call, stream, text_of, user

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "error_class", "error_type"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.ContentTooLargeError, "request_too_large"),
        (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.ServiceUnavailableError, "api_error"),
        (504, anthropic.GatewayTimeoutError, "timeout_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
async def test_errors_arrive_as_the_sdks_classes(
    claude: AsyncAnthropic, standin: StandInClient, status: int, error_class: type[Exception], error_type: str
) -> None:
    prompt = user(f"[[standin: err={status}; retry_after=7 | say=Better now]]")
    with pytest.raises(anthropic.APIStatusError) as caught:
        await stream(claude, prompt)

    assert isinstance(caught.value, error_class)
    assert caught.value.type == error_type
    assert caught.value.request_id == standin.calls()[0].request_id
    assert caught.value.response.headers["retry-after"] == "7"
    # AND the second call of the conversation gets the second step
    assert text_of(await stream(claude, prompt)) == "Better now"
    assert [call.outcome for call in standin.calls()] == [f"error {status}", "completed"]


async def test_an_error_can_have_a_type_and_a_code_of_its_own(claude: AsyncAnthropic) -> None:
    code = "enforced_spend_limit_reached"
    with pytest.raises(anthropic.RateLimitError) as caught:
        await stream(claude, user(f"[[standin: err=429; type=billing_error; error_code={code}]]"))

    assert (caught.value.type, caught.value.error_code) == ("billing_error", code)
    assert "retry-after" not in caught.value.response.headers


async def test_an_error_in_mid_stream_comes_with_status_200(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompt = user("[[standin: say=This will break; sse_err=overloaded_error]]")
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with claude.messages.stream(model=MODEL, max_tokens=9, messages=[prompt]) as events:
            await events.until_done()

    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    assert standin.calls()[0].outcome == "error overloaded_error"
    partial = text_of(events.current_message_snapshot)
    assert partial
    assert "This will break".startswith(partial)


async def test_a_clean_end_in_mid_stream_leaves_no_stop_reason(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    message = await stream(claude, user("[[standin: say=This will break; eof]]"))

    assert message.stop_reason is None
    assert 0 < len(text_of(message)) < len("This will break")
    assert standin.calls()[0].outcome == "cut"


async def test_a_reset_in_mid_stream_is_a_transport_error(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    with pytest.raises(httpx2.TransportError):
        await stream(claude, user("[[standin: say=This will break; drop]]"))

    assert standin.calls()[0].outcome == "cut"


@pytest.mark.parametrize("step", ["hang", "silent", "wait=60", "delay=60"])
async def test_silence_ends_with_the_clients_patience(
    claude: AsyncAnthropic, standin: StandInClient, step: str
) -> None:
    patience = httpx2.Timeout(0.3, connect=5)
    with pytest.raises((httpx2.ReadTimeout, anthropic.APITimeoutError)):
        await stream(claude, user(f"[[standin: say=Wait for it; {step}]]"), timeout=patience)

    call = await ended_call(standin)
    assert call.outcome == "client_left"
    assert (call.first_byte_at is None) == (step in {"silent", "wait=60"})
    assert standin.concurrency().open == 0


async def test_pings_outlive_a_read_timeout_but_not_a_deadline(
    claude: AsyncAnthropic, standin: StandInClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "_PING_SECONDS", 0.02)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.2):
            await stream(claude, user("[[standin: ping]]"), timeout=httpx2.Timeout(0.9))

    assert (await ended_call(standin)).outcome == "client_left"


@pytest.mark.parametrize(
    ("step", "error_class"),
    [
        ("drop", anthropic.APIConnectionError),
        ("sse_err=overloaded_error", anthropic.OverloadedError),
        ("hang", anthropic.APITimeoutError),
    ],
)
async def test_a_whole_reply_breaks_too(
    claude: AsyncAnthropic, step: str, error_class: type[Exception]
) -> None:
    prompt = user(f"[[standin: {step}]]")
    with pytest.raises(error_class):
        await claude.messages.create(model=MODEL, max_tokens=9, messages=[prompt], timeout=0.3)
