"""What can go wrong in a turn, and what is told about it."""

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from a2a_tasks.adapters.claude.errors import asked_to_wait
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import iso8601
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.model import Draft, ModelBusy, ModelRejected
from local.standin.client import StandInClient
from tests.integration.claude.claude_model import KEY, Opened, Secrets, asked, run, turn
from tests.integration.claude.scripted_claude import (
    Answer,
    ScriptedClaude,
    error,
    message,
    running_script,
    stream,
    text,
)

WIKI = McpServer("wiki", "https://wiki.example/mcp", secret_arn="arn:wiki")
OLD, NEW = "token-before-the-rotation", "token-after-the-rotation"


@pytest.fixture
def script() -> Iterator[ScriptedClaude]:
    with running_script() as running:
        yield running


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# -- being stopped


@pytest.mark.parametrize("step", ["silent", "say=half of it; hang", "say=half of it; ping"])
def test_a_cancelled_turn_hangs_up(claude: StandInClient, step: str) -> None:
    draft = Draft()

    async def cancel_in_the_middle(opened: Opened) -> None:
        going = asyncio.ensure_future(opened.turn(asked(f"[[standin: {step}]]"), draft))
        await asyncio.to_thread(
            until, lambda: claude.concurrency().open == 1 and ("say" in step) == bool(draft.text)
        )
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        await asyncio.to_thread(until, lambda: claude.concurrency().open == 0)

    run(cancel_in_the_middle, claude.base_url)

    assert [call.outcome for call in claude.calls()] == ["client_left"]
    assert "half of it".startswith(draft.text)
    assert bool(draft.usage.calls) == ("say" in step)


def test_a_turn_that_is_cancelled_before_it_calls_sends_nothing(claude: StandInClient) -> None:
    async def cancel_at_once(opened: Opened) -> None:
        going = asyncio.ensure_future(opened.turn(asked()))
        await asyncio.sleep(0)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going

    run(cancel_at_once, claude.base_url)

    assert claude.calls() == []


def test_one_turns_end_leaves_the_others_alone(claude: StandInClient) -> None:
    async def work(opened: Opened) -> list[str]:
        hanging = asyncio.ensure_future(opened.turn(asked("[[standin: hang]] 0")))
        prompts = [f"[[standin: say=done {n}; delay=1]] {n}" for n in range(1, 4)]
        others = [asyncio.ensure_future(opened.turn(asked(prompt))) for prompt in prompts]
        await asyncio.to_thread(until, lambda: claude.concurrency().open == 4)
        hanging.cancel()
        return [reply.text for reply in await asyncio.gather(*others)]

    assert run(work, claude.base_url) == ["done 1", "done 2", "done 3"]


def test_a_deadline_ends_a_silent_turn(claude: StandInClient) -> None:
    async def work(opened: Opened) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await opened.turn(asked("[[standin: silent]]"))
        await asyncio.to_thread(until, lambda: claude.concurrency().open == 0)

    run(work, claude.base_url)

    assert [call.outcome for call in claude.calls()] == ["client_left"]


# -- what waiting may cure

LEFT, RESET = "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"
NOW = 1_750_000_000_000
TOKENS = {
    "anthropic-ratelimit-tokens-remaining": "1000",
    "anthropic-ratelimit-tokens-reset": iso8601(NOW + 60_000),
}
"""A limit that is not used up."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({LEFT: "0", RESET: iso8601(NOW + 12_000)} | TOKENS, 12.0),
        ({LEFT: "0", RESET: iso8601(NOW + 12_000), "retry-after": "3"}, 3.0),
        ({LEFT: "0", RESET: iso8601(NOW - 12_000)}, 0.0),
        ({LEFT: "0"}, None),
        ({LEFT: "0", RESET: "soon"}, None),
        (TOKENS, None),
    ],
)
def test_where_it_does_not_say_so_it_is_until_the_used_up_limits_are_whole(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert asked_to_wait(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "is_throttled", "is_overloaded"),
    [(429, True, False), (503, True, False), (529, True, True), (500, False, False), (408, False, False)],
)
def test_what_is_turned_away_is_told_from_what_has_failed(
    script: ScriptedClaude, status: int, is_throttled: bool, is_overloaded: bool
) -> None:
    script.will(error(status, "Later."))

    with pytest.raises(ModelBusy) as raised:
        turn(asked(), script.url)

    assert (raised.value.throttled, raised.value.overloaded) == (is_throttled, is_overloaded)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("say=half of it; hang", "fell silent"),
        ("silent", "fell silent"),
        ("say=half of it; drop", "connection to the model was lost"),
        ("say=half of it; eof", "cut off"),
        ("say=half of it; sse_err=overloaded_error", "answered 200: Overloaded"),
    ],
)
def test_a_broken_answer_is_worth_another_try(claude: StandInClient, step: str, reason: str) -> None:
    draft = Draft()

    with pytest.raises(ModelBusy, match=reason) as raised:
        turn(asked(f"[[standin: {step}]]"), claude.base_url, draft, read_timeout_seconds=0.5)

    assert raised.value.used == draft.usage
    assert bool(draft.usage.calls) == (step != "silent")
    assert (draft.text != "") == ("half" in step)
    assert len(claude.calls()) == 1


def test_nobody_listening_is_worth_another_try() -> None:
    with running_script() as gone:
        url = gone.url

    with pytest.raises(ModelBusy, match="connection to the model was lost"):
        turn(asked(), url)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (429, {}, None),
        (529, {"retry-after": "soon"}, None),
        (503, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        (500, {}, None),
        (408, {}, None),
        (409, {}, None),
    ],
)
def test_how_long_to_wait_is_the_apis_word(
    script: ScriptedClaude, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    script.will(error(status, "Later.", **headers))

    with pytest.raises(ModelBusy) as raised:
        turn(asked(), script.url)

    assert raised.value.retry_after == seconds
    assert raised.value.reason == f"The model's API answered {status}: Later."
    assert len(script.requests) == 1


# -- what it does not


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, FailureCode.EXECUTION_ERROR),
        (402, FailureCode.EXECUTION_ERROR),
        (403, FailureCode.AGENT_MISCONFIGURED),
        (404, FailureCode.AGENT_MISCONFIGURED),
        (413, FailureCode.EXECUTION_ERROR),
        (422, FailureCode.EXECUTION_ERROR),
    ],
)
def test_a_refusal_is_asked_once(script: ScriptedClaude, status: int, code: FailureCode) -> None:
    script.will(error(status, "No."))
    secrets = Secrets()

    with pytest.raises(ModelRejected) as raised:
        turn(asked(), script.url, secrets=secrets)

    assert raised.value == ModelRejected(code, f"The model's API answered {status}: No.")
    assert (len(script.requests), secrets.reads) == (1, [("key", False)])


def test_a_whole_page_of_an_error_is_cut_short(script: ScriptedClaude) -> None:
    script.will(Answer(b"<html>" + b"x" * 100_000, 502))

    with pytest.raises(ModelBusy) as raised:
        turn(asked(), script.url)

    assert raised.value.reason.startswith("The model's API answered 502: <html>xxx")
    assert len(raised.value.reason) < 600


@pytest.mark.parametrize("error_code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_a_spent_limit_is_not_waited_for(claude: StandInClient, error_code: str) -> None:
    with pytest.raises(ModelRejected) as raised:
        turn(asked(f"[[standin: err=429; error_code={error_code}]]"), claude.base_url)

    assert raised.value.code is FailureCode.EXECUTION_ERROR


def test_an_error_in_the_stream_that_waiting_does_not_cure(script: ScriptedClaude) -> None:
    script.will(
        stream({"type": "error", "error": {"type": "api_error", "message": f"Oops {KEY}", "details": None}})
    )

    with pytest.raises(ModelBusy, match=r"answered 200: .*\[key\]"):
        turn(asked(), script.url)


# -- keys and tokens


def test_a_rotated_key_is_read_again(script: ScriptedClaude) -> None:
    script.will(error(401, "invalid x-api-key"), message(text("Done.")))
    secrets = Secrets(cached={"key": "sk-ant-the-old-one"})

    assert turn(asked(), script.url, secrets=secrets).text == "Done."
    assert [headers["authorization"] for _, headers, _ in script.requests] == [
        "Bearer sk-ant-the-old-one",
        f"Bearer {KEY}",
    ]


def test_a_wrong_key_is_tried_once(script: ScriptedClaude) -> None:
    script.will(error(401, f"invalid key {KEY}"))

    with pytest.raises(ModelRejected) as raised:
        turn(asked(), script.url)

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED
    assert len(script.requests) == 1
    assert KEY not in raised.value.reason


def test_without_a_key_nothing_is_sent(script: ScriptedClaude) -> None:
    with pytest.raises(ModelRejected, match="No Claude API key is configured") as raised:
        turn(asked(), script.url, secrets=Secrets(key=""))

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED
    assert script.requests == []


def test_without_an_mcp_servers_token_nothing_is_sent(script: ScriptedClaude) -> None:
    with pytest.raises(ModelRejected, match="token of MCP server 'wiki' is missing") as raised:
        turn(asked(mcp_servers=[WIKI]), script.url)

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED
    assert script.requests == []


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_rotated_token_is_read_again(script: ScriptedClaude, status: int) -> None:
    refusal = error(status, "Invalid authorization token for MCP server 'wiki'.")
    script.will(refusal, message(text("Done.")))
    secrets = Secrets(tokens={"arn:wiki": NEW}, cached={"arn:wiki": OLD})

    assert turn(asked(mcp_servers=[WIKI]), script.url, secrets=secrets).text == "Done."
    assert [body["mcp_servers"][0]["authorization_token"] for _, _, body in script.requests] == [OLD, NEW]


def test_a_refused_token_is_tried_once_if_it_is_still_the_one(script: ScriptedClaude) -> None:
    script.will(error(400, "Invalid authorization token for MCP server 'wiki'."))
    secrets = Secrets(tokens={"arn:wiki": NEW})

    with pytest.raises(ModelRejected, match="Invalid authorization token for MCP server 'wiki'"):
        turn(asked(mcp_servers=[WIKI]), script.url, secrets=secrets)

    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [400, 429])
def test_no_secret_is_told_by_an_error(
    script: ScriptedClaude, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    script.will(error(status, f"I was sent {NEW} by {KEY}"))
    secrets = Secrets(tokens={"arn:wiki": NEW})
    caplog.set_level(logging.DEBUG)

    with pytest.raises((ModelRejected, ModelBusy)) as raised:
        turn(asked(mcp_servers=[WIKI]), script.url, secrets=secrets)

    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert "I was sent [token] by [key]" in told
    assert NEW not in told
    assert KEY not in told
    assert NEW not in caplog.text
    assert KEY not in caplog.text


# -- roles


@pytest.mark.parametrize("backend", [Backend.CLAUDE_ON_AWS, Backend.BEDROCK])
def test_a_role_that_may_not_call_the_model_is_the_operators_matter(
    script: ScriptedClaude, backend: Backend
) -> None:
    script.will(error(403, "User is not authorized to perform bedrock-mantle:CreateInference"))

    with pytest.raises(ModelRejected, match="is not authorized") as raised:
        turn(asked(), script.url, backend=backend)

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED


def test_a_signature_made_while_credentials_changed_is_made_again(script: ScriptedClaude) -> None:
    script.will(error(403, "The request signature does not match."), message(text("Done.")))

    assert turn(asked(), script.url, backend=Backend.BEDROCK).text == "Done."


def test_a_session_token_that_aws_quotes_is_not_told(script: ScriptedClaude) -> None:
    said = "The canonical string should have been 'POST\n/\nhost:h\nx-amz-security-token:IQoJb3Jp//8=\n'"
    script.will(error(403, said))

    with pytest.raises(ModelRejected) as raised:
        turn(asked(), script.url, backend=Backend.BEDROCK)

    assert "x-amz-security-token:[token]\n'" in raised.value.reason


def test_a_deployment_without_a_workspace_is_the_operators_matter(script: ScriptedClaude) -> None:
    with pytest.raises(ModelRejected, match="No workspace ID found") as raised:
        turn(asked(), script.url, backend=Backend.CLAUDE_ON_AWS, workspace_id=None)

    assert raised.value.code is FailureCode.AGENT_MISCONFIGURED


@pytest.mark.parametrize("backend", [Backend.CLAUDE_ON_AWS, Backend.BEDROCK])
def test_a_roles_credentials_are_renewed_before_they_expire(
    script: ScriptedClaude, backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.write_text("")
    program = tmp_path / "credentials.py"
    program.write_text(
        "import datetime, json, pathlib, sys\n"
        "made = pathlib.Path(sys.argv[1])\n"
        "made.write_text(made.read_text() + 'x')\n"
        "soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)\n"
        "number = len(made.read_text())\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'KEY{number}', 'SecretAccessKey': 's',\n"
        "                  'SessionToken': f'session-{number}', 'Expiration': soon.isoformat()}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program} {made}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    script.will(message(text("Done.")))

    async def two_turns(opened: Opened) -> None:
        await opened.turn(asked())
        await opened.turn(asked())

    # a region of its own: the SDK keeps one botocore session for each
    run(two_turns, script.url, backend=backend, region=f"{backend}-1")

    first, second = (headers["x-amz-security-token"] for _, headers, _ in script.requests)
    assert first.startswith("session-")
    assert int(second.removeprefix("session-")) > int(first.removeprefix("session-"))
