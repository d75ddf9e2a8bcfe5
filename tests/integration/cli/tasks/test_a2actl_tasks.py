"""``a2actl tasks`` over HTTP, against the real API function."""

import json
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import Result

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.task import Lane, Outcome, Payload, Priority, Status, TaskRef
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Claim, Written
from tests.integration.cli.gateway import Gateway
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account

UNKNOWN_TASK = "01912345-6789-7abc-8def-0123456789ab"
USED = Usage(input_tokens=1_200, output_tokens=34, cache_read_tokens=300, turns=1)


class Worker:
    """Does what a worker does to the newest task, a step at each request of the command."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def ref(self) -> TaskRef:
        return self.account.store.page("assistant", None, 1, None).tasks[0].ref

    def wait(self) -> None:
        """Nothing happens."""

    def claim(self) -> None:
        created = self.account.store.get(self.ref)
        assert created is not None
        now = created.created_at + 1
        claim = Claim("claim", now, "worker-1", created.fence)
        assert isinstance(self.account.store.claim(self.ref, claim), Written)

    def complete(self) -> None:
        self._finish(Status.COMPLETED, output=Payload(json.dumps({"result": "# 报告\n\nAll *good*."})))

    def fail(self) -> None:
        failure = Failure(FailureCode.OUTPUT_TRUNCATED, "The answer reached maxTokens.")
        output = Payload(json.dumps({"result": "# 报", "partial": True}))
        self._finish(Status.FAILED, output=output, failure=failure)

    def cancel(self) -> None:
        self._finish(Status.CANCELED)

    def _finish(self, status: Status, **ended: Any) -> None:
        running = self.account.store.get(self.ref)
        assert running is not None
        now = running.created_at + 2
        spent = (Spent(1, "claude-sonnet-5-5", USED),)
        outcome = Outcome(status, now, "finish", now + 86_400_000, spent=spent, **ended)
        assert isinstance(
            self.account.store.finish(self.ref, outcome, guard_of_worker(running.fence)), Written
        )


@pytest.fixture
def worker(account: Account) -> Worker:
    return Worker(account)


def submit(operator: Operator, *options: str) -> str:
    handed_over = operator.run("tasks", "submit", "assistant", "生成一个测试报告", *options)
    assert handed_over.exit_code == 0
    return handed_over.stdout.strip()


def stored_input(account: Account, task_id: str) -> Any:
    task = account.store.get(TaskRef("assistant", task_id))
    assert task is not None
    assert task.input.inline is not None
    return json.loads(task.input.inline)


def test_submit_prints_the_id_alone(local_operator: Operator, account: Account) -> None:
    handed_over = local_operator.run("tasks", "submit", "assistant", "生成一个测试报告")
    task_id = handed_over.stdout.strip()
    assert handed_over.stderr == f"Follow it with: a2actl tasks get assistant {task_id}\n"
    assert stored_input(account, task_id) == {"message": "生成一个测试报告"}


def test_submit_sends_context_and_timeout(local_operator: Operator, account: Account) -> None:
    local_operator.write("context.json", '{"month": "三月"}')
    given = submit(local_operator, "--context", '{"month": "三月"}', "--timeout", "5m")
    options = ("--timeout", "90000", "--queue-timeout", "2h")
    from_file = submit(local_operator, "--context", "@context.json", *options)
    assert stored_input(account, given)["context"] == {"month": "三月"}
    assert stored_input(account, from_file)["context"] == {"month": "三月"}
    first, second = (account.store.get(TaskRef("assistant", task_id)) for task_id in (given, from_file))
    assert first is not None
    assert second is not None
    assert (first.timeout_ms, second.timeout_ms) == (300_000, 90_000)
    assert second.queue_timeout_ms == 7_200_000


ACCEPTED = json.dumps({"taskId": UNKNOWN_TASK, "status": "pending", "checkUrl": "/"})


def test_submit_sends_what_is_given_and_nothing_else(local_operator: Operator, gateway: Gateway) -> None:
    gateway.steps.extend([lambda: (202, ACCEPTED), lambda: (202, ACCEPTED)])
    submit(local_operator)
    submit(
        local_operator,
        *("--priority", "high", "--delay", "2h", "--lane", "batch"),
        *("--max-cost-usd", "0.25", "--max-tokens", "90000", "--max-attempts", "2"),
    )
    plain, full = (json.loads(body) for body in gateway.bodies)
    assert plain == {"message": "生成一个测试报告"}
    assert full == plain | {
        "priority": "high",
        "delaySeconds": 7_200,
        "lane": "batch",
        "maxCostUsd": 0.25,
        "maxTokens": 90_000,
        "maxAttempts": 2,
    }


@pytest.mark.parametrize("option", ["--priority", "--lane", "--max-tokens", "--max-attempts"])
def test_submit_refuses_values_that_do_not_exist(
    local_operator: Operator, gateway: Gateway, option: str
) -> None:
    refused = local_operator.run("tasks", "submit", "assistant", "Hi", option, "0")
    assert (refused.exit_code, gateway.requests) == (2, [])
    assert option in refused.stderr


def test_the_api_takes_every_option(local_operator: Operator, account: Account) -> None:
    task_id = submit(
        local_operator,
        *("--priority", "high", "--delay", "2h", "--max-cost-usd", "0.25", "--max-tokens", "90000"),
        *("--max-attempts", "2", "--lane", "standard"),
    )
    task = account.store.get(TaskRef("assistant", task_id))
    assert task is not None
    assert (task.priority, task.lane, task.max_attempts) == (Priority.HIGH, Lane.STANDARD, 2)
    assert (task.budget.cost_usd, task.budget.tokens) == (Decimal("0.25"), 90_000)
    assert 7_100_000 < task.not_before - task.created_at <= 7_200_000


def test_the_message_may_come_from_stdin(local_operator: Operator, account: Account) -> None:
    handed_over = local_operator.run("tasks", "submit", "assistant", "-", stdin="first line\n第二行\n")
    assert stored_input(account, handed_over.stdout.strip())["message"] == "first line\n第二行\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        (("-",), b"caf\xe9", "MESSAGE is not UTF-8 text"),
        (("caf\udce9",), None, "MESSAGE is not UTF-8 text"),
        (("-",), b" \n\xe2\x80\x8b", "MESSAGE is blank"),
        (("Hi", "--context", "{"), None, "--context takes a JSON object, or @ and a file that contains one"),
        (("Hi", "--context", "[1]"), None, "--context takes a JSON object such as"),
        (("Hi", "--context", '{"a": NaN}'), None, "NaN is not JSON"),
        (("Hi", "--context", r'{"a": "\ud800"}'), None, "surrogates not allowed"),
        (("Hi", "--context", "@missing.json"), None, "--context: missing.json cannot be read"),
        (("Hi", "--timeout", "soon"), None, "--timeout takes a number above zero with a unit"),
        (("Hi", "--queue-timeout", "8d"), None, "The API rejected the request: queueTimeout: "),
        (("Hi", "--timeout", "0"), None, "--timeout takes a number above zero with a unit"),
        (("Hi", "--delay", "1500ms"), None, "--delay takes whole seconds; not '1500ms'."),
        (("Hi", "--delay", "90"), None, "--delay takes a number above zero with a unit"),
        (("Hi", "--max-cost-usd", "0"), None, "--max-cost-usd takes US dollars, such as 5 or 0.25"),
        (("Hi", "--max-cost-usd", "nan"), None, "--max-cost-usd takes US dollars"),
        (("Hi", "--max-cost-usd", "1e7"), None, "--max-cost-usd takes US dollars"),
        (("Hi", "--max-cost-usd", "0.0000001"), None, "--max-cost-usd takes US dollars"),
        (("Hi", "--max-cost-usd", "much"), None, "--max-cost-usd takes US dollars"),
        (("Hi", "--timeout", "25h"), None, "The API rejected the request: timeout: "),
    ],
)
def test_submit_refuses_what_is_no_task(
    local_operator: Operator, account: Account, arguments: tuple[str, ...], stdin: bytes | None, problem: str
) -> None:
    refused = local_operator.run("tasks", "submit", "assistant", *arguments, stdin=stdin)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert account.store.page("assistant", None, 1, None).tasks == []


def wait_for(operator: Operator, gateway: Gateway, *steps: Any) -> Result:
    gateway.steps.extend(steps)
    return operator.run("tasks", "submit", "assistant", "生成一个测试报告", "--wait")


def test_waiting_shows_each_state_and_prints_the_result(
    local_operator: Operator, gateway: Gateway, worker: Worker
) -> None:
    done = wait_for(
        local_operator,
        gateway,
        worker.wait,
        worker.wait,
        worker.wait,
        worker.claim,
        worker.wait,
        worker.complete,
    )
    assert (done.exit_code, done.stdout) == (0, "# 报告\n\nAll *good*.\n")
    assert done.stderr.splitlines() == [
        "pending after 0 s",
        "running, turn 1 after 1 s",
        "completed after 2 s",
        "Completed: 1 turn, 1,500 tokens in, 34 out.",
    ]


def test_a_failed_task_exits_with_1_and_its_partial_result(
    local_operator: Operator, gateway: Gateway, worker: Worker
) -> None:
    failed = wait_for(local_operator, gateway, worker.wait, worker.claim, worker.fail)
    assert (failed.exit_code, failed.stdout) == (1, "# 报\n")
    assert failed.stderr.endswith("The task failed: The answer reached maxTokens. (OUTPUT_TRUNCATED)\n")


def test_a_canceled_task_exits_with_1(local_operator: Operator, gateway: Gateway, worker: Worker) -> None:
    canceled = wait_for(local_operator, gateway, worker.wait, worker.claim, worker.cancel)
    assert (canceled.exit_code, canceled.stdout) == (1, "")
    assert canceled.stderr.endswith("The task was canceled.\n")


def test_waiting_survives_an_api_that_is_away_for_a_moment(
    local_operator: Operator, gateway: Gateway, worker: Worker
) -> None:
    busy = json.dumps({"error": "The service is busy.", "code": "INTERNAL_ERROR"})
    done = wait_for(
        local_operator,
        gateway,
        worker.wait,
        lambda: (503, busy),
        lambda: (429, '{"message": "Too Many Requests"}'),
        worker.claim,
        worker.complete,
    )
    assert done.exit_code == 0
    assert "busy" not in done.stderr


def test_a_key_revoked_meanwhile_ends_the_waiting(
    local_operator: Operator, gateway: Gateway, worker: Worker
) -> None:
    refused = wait_for(local_operator, gateway, worker.wait, lambda: (401, "{}"))
    assert refused.exit_code == 2
    assert "The API rejected the key" in refused.stderr


def test_an_interrupted_wait_says_that_the_task_goes_on(
    local_operator: Operator, gateway: Gateway, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("a2actl.tasks.waiting.Waiting", lambda: Interrupted())

    class Interrupted:
        for_end = interrupt

    stopped = wait_for(local_operator, gateway)
    assert stopped.exit_code == 130
    assert stopped.stderr == (
        f"The task continues; follow it with: a2actl tasks get assistant {worker.ref.task_id}\n"
    )


def test_get_is_readable(local_operator: Operator, worker: Worker) -> None:
    task_id = submit(local_operator)
    pending = local_operator.run("tasks", "get", "assistant", task_id).stdout
    worker.claim()
    worker.complete()
    completed = local_operator.run("tasks", "get", "assistant", task_id).stdout
    assert f"Task:     {task_id}\nAgent:    assistant\nStatus:   pending\n" in pending
    assert [" ".join(line.split()) for line in completed.splitlines()[-7:]] == [
        "Attempts: 1",
        "Usage: 1 turn, 1,500 tokens in, 34 out",
        "claude-sonnet-5-5: 1 turn, 1,500 tokens in, 34 out",
        "",
        "# 报告",
        "",
        "All *good*.",
    ]


RUNNING = {
    "taskId": UNKNOWN_TASK,
    "agentId": "assistant",
    "status": "running",
    "createdAt": "2026-05-01T08:00:00.000Z",
    "updatedAt": "2026-05-01T08:00:02.000Z",
    "startedAt": "2026-05-01T08:00:01.000Z",
    "attempts": 2,
}
USAGE = {"outputTokens": 34, "cacheReadTokens": 300, "cacheWriteTokens": 0}
REPORT = {
    "artifactId": "a1",
    "name": "re\x1b[2Jport.md",
    "mediaType": "text/markdown",
    "sizeBytes": 12_345,
    "url": "https://payloads.example.com/a1?signed",
}
TABLE = {"artifactId": "a2", "name": "table", "mediaType": "application/json", "data": {"rows": []}}


def shown(operator: Operator, gateway: Gateway, **task: Any) -> str:
    """What ``get`` prints of a task that the API would answer with."""
    gateway.steps.append(lambda: (200, json.dumps(RUNNING | task)))
    got = operator.run("tasks", "get", "assistant", UNKNOWN_TASK)
    assert got.exit_code == 0
    return got.stdout


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        ({"turn": 1}, "turn 1"),
        ({"turn": 3, "tool": "WebSearch"}, "turn 3, WebSearch"),
        ({"turn": 3, "step": "reads\nsources", "percent": 40}, "turn 3, 40 %: reads sources"),
        ({"turn": 9, "tool": "Read", "percent": 0, "step": "x\x1b[2J"}, "turn 9, Read, 0 %: x[2J"),
    ],
)
def test_get_shows_progress(
    local_operator: Operator, gateway: Gateway, progress: dict[str, Any], text: str
) -> None:
    assert f"Progress: {text}\n" in shown(local_operator, gateway, progress=progress)


def test_get_shows_the_question(local_operator: Operator, gateway: Gateway) -> None:
    asked = shown(local_operator, gateway, status="input_required", question="Which\nmonth?")
    assert "Status:   input_required\nQuestion: Which month?\n" in asked


def test_get_shows_when_and_how_a_task_is_to_start(local_operator: Operator, gateway: Gateway) -> None:
    text = shown(local_operator, gateway, notBefore="2026-05-02T08:00:00.000Z", priority="low", lane="batch")
    for line in ("Not before: 2026-05-02T08:00:00.000Z", "Priority:   low", "Lane:       batch"):
        assert f"{line}\n" in text


def test_get_shows_usage_by_model_and_by_attempt(local_operator: Operator, gateway: Gateway) -> None:
    parts = {
        "byModel": [{"model": "claude-opus-5-5", "inputTokens": 9, "turns": 2} | USAGE],
        "byAttempt": [
            {"attempt": 1, "inputTokens": 5, "turns": 1, "webSearches": 10, "costUsd": 0.1} | USAGE,
            {"attempt": 2, "inputTokens": 4, "turns": 1} | USAGE,
        ],
    }
    text = shown(local_operator, gateway, usage={"inputTokens": 9, "turns": 2} | USAGE | parts)
    assert [" ".join(line.split()) for line in text.splitlines()[-4:]] == [
        "Usage: 2 turns, 309 tokens in, 34 out",
        "claude-opus-5-5: 2 turns, 309 tokens in, 34 out",
        "attempt 1: 1 turn, 305 tokens in, 34 out, 10 web searches, about $0.1000",
        "attempt 2: 1 turn, 304 tokens in, 34 out",
    ]


def test_get_shows_data_instead_of_its_text_and_artifacts(local_operator: Operator, gateway: Gateway) -> None:
    output = {"result": '{"score":1}', "data": {"score": 1}, "artifacts": [REPORT, TABLE]}
    assert shown(local_operator, gateway, output=output).endswith(
        '\n\n{\n  "score": 1\n}\n\nArtifacts:\n'
        "re[2Jport.md (text/markdown, 12,345 bytes): https://payloads.example.com/a1?signed\n"
        "table (application/json): in `tasks get --json`\n"
    )


def test_get_shows_the_artifacts_of_a_task_under_way(local_operator: Operator, gateway: Gateway) -> None:
    text = shown(local_operator, gateway, output={"artifacts": [REPORT]})
    assert text.count("\n\n") == 1
    assert "\n\nArtifacts:\nre[2Jport.md" in text


def test_waiting_shows_progress_and_questions(local_operator: Operator, gateway: Gateway) -> None:
    moments: list[dict[str, Any]] = [
        {"progress": {"turn": 1}},
        {"progress": {"turn": 1}},
        {"progress": {"turn": 1, "tool": "WebSearch", "step": "x\x1b[2J"}},
        {"status": "input_required", "progress": {"turn": 2}, "question": "Which month?"},
        {"status": "completed", "output": {"result": "[]", "data": [], "artifacts": [REPORT]}},
    ]
    gateway.steps.append(lambda: (202, ACCEPTED))
    for found in moments:
        gateway.steps.append(lambda found=found: (200, json.dumps(RUNNING | found)))  # type: ignore[misc]
    done = local_operator.run("tasks", "submit", "assistant", "Hi", "--wait")
    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert done.stderr.splitlines() == [
        "running, turn 1 after 0 s",
        "running, turn 1, WebSearch: x[2J after 1 s",
        "input_required: Which month? after 1 s",
        "completed after 2 s",
        "Artifact: re[2Jport.md (text/markdown, 12,345 bytes): https://payloads.example.com/a1?signed",
    ]


def test_get_as_json_is_the_wire_format(local_operator: Operator, worker: Worker) -> None:
    task_id = submit(local_operator)
    worker.claim()
    worker.fail()
    got = local_operator.run("tasks", "get", "assistant", task_id, "--json")
    task = json.loads(got.stdout)
    assert got.exit_code == 0
    assert {name: task[name] for name in ("taskId", "status", "attempts", "output", "errorDetails")} == {
        "taskId": task_id,
        "status": "failed",
        "attempts": 1,
        "output": {"result": "# 报", "partial": True},
        "errorDetails": {"message": "The answer reached maxTokens.", "code": "OUTPUT_TRUNCATED"},
    }
    assert task["usage"]["inputTokens"] == 1_200


def test_list_filters_limits_and_pages(local_operator: Operator, gateway: Gateway, worker: Worker) -> None:
    older, newer = submit(local_operator), submit(local_operator)
    worker.claim()
    worker.fail()
    everything = local_operator.run("tasks", "list", "assistant")
    assert [line.split("\t")[0] for line in everything.stdout.splitlines()] == ["TASK", newer, older]
    assert everything.stdout.splitlines()[1].endswith("OUTPUT_TRUNCATED")
    failed = local_operator.run("tasks", "list", "assistant", "--status", "failed", "--json")
    assert [task["taskId"] for task in json.loads(failed.stdout)] == [newer]
    one = local_operator.run("tasks", "list", "assistant", "--limit", "1", "--json")
    assert [task["taskId"] for task in json.loads(one.stdout)] == [newer]
    page = json.dumps({"tasks": [{"taskId": "first"}], "nextCursor": "c=1"})
    gateway.steps.extend([lambda: (200, page), lambda: (200, '{"tasks": [{"taskId": "second"}]}')])
    paged = local_operator.run("tasks", "list", "assistant", "--limit", "150", "--json")
    assert [task["taskId"] for task in json.loads(paged.stdout)] == ["first", "second"]
    assert gateway.requests[-2:] == [
        "GET /a2a/assistant/tasks?limit=100",
        "GET /a2a/assistant/tasks?limit=100&cursor=c%3D1",
    ]


def test_cancel(local_operator: Operator) -> None:
    task_id = submit(local_operator)
    first, again = (local_operator.run("tasks", "cancel", "assistant", task_id) for _ in range(2))
    assert (
        first.stdout == f"{task_id}: canceled. The task is canceled; work under way stops within seconds.\n"
    )
    assert (again.exit_code, again.stdout) == (0, first.stdout)


def test_what_has_completed_cannot_be_canceled(local_operator: Operator, worker: Worker) -> None:
    task_id = submit(local_operator)
    worker.claim()
    worker.complete()
    refused = local_operator.run("tasks", "cancel", "assistant", task_id)
    assert refused.exit_code == 2
    assert refused.stderr == (
        "The API rejected the request: The task has already completed and cannot be canceled"
        " (TASK_NOT_CANCELABLE).\n"
    )


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("submit", "nobody", "Hi"), "There is no agent 'nobody' in this key's project; `a2actl agents list"),
        (("list", "spy"), "There is no agent 'spy' in this key's project"),
        (("get", "assistant", UNKNOWN_TASK), "There is no such task of 'assistant' in this key's project"),
        (("cancel", "assistant", UNKNOWN_TASK), "There is no such task of 'assistant'"),
        (
            ("get", "assistant", "../../health"),
            "'../../health' is not a task id; `a2actl tasks list assistant`",
        ),
        (("submit", "../x", "Hi"), "'../x' is no agent id: that is 1 to 64 lower-case letters"),
    ],
)
def test_what_does_not_exist(local_operator: Operator, command: tuple[str, ...], sentence: str) -> None:
    refused = local_operator.run("tasks", *command)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(sentence)


def test_a_disabled_agent(local_operator: Operator, account: Account) -> None:
    account.registry.disable_agent("assistant", 1)
    refused = local_operator.run("tasks", "submit", "assistant", "Hi")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("The agent 'assistant' is disabled and accepts no new tasks; ")


def test_the_key_option_goes_before_the_environment_and_the_file(
    local_operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rival_key = account.add_key("rival", random=bytes(range(1, 43)))
    monkeypatch.setenv("A2A_API_KEY", rival_key)
    assert local_operator.run("tasks", "list", "spy").exit_code == 0
    assert local_operator.run("tasks", "list", "assistant").exit_code == 2
    refused = local_operator.run("tasks", "list", "spy", "--key", "a2a_wrong")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "The API rejected the key; set another with --key or A2A_API_KEY. `a2actl keys create --project ID`"
        " makes one.\n"
    )


@pytest.mark.parametrize("key", ["schlüssel", "a\nb"])
def test_a_key_that_no_header_can_carry(local_operator: Operator, key: str) -> None:
    refused = local_operator.run("tasks", "list", "assistant", "--key", key)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("The API key contains characters that no key has; ")


@pytest.mark.parametrize(
    ("status", "text", "sentence"),
    [
        (200, "<html>", "The response from http://127.0.0.1"),
        (404, '{"message": "Not Found"}', "The response from http://127.0.0.1"),
        (502, "", "The API at http://127.0.0.1"),
        (
            429,
            '{"error": "Slow down.", "code": "RATE_LIMIT_EXCEEDED"}',
            "The API is throttling requests: Slow",
        ),
        (503, '{"error": "Busy.", "code": "INTERNAL_ERROR"}', "The API is busy: Busy (INTERNAL_ERROR); try"),
        (413, '{"error": "Large.", "code": "PAYLOAD_TOO_LARGE"}', "The API rejected the request: Large (PAY"),
    ],
)
def test_answers_that_are_not_the_api_s(
    local_operator: Operator, gateway: Gateway, status: int, text: str, sentence: str
) -> None:
    gateway.steps.append(lambda: (status, text))
    refused = local_operator.run("tasks", "list", "assistant")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(sentence)


def test_a_project_without_money_left_is_not_asked_to_try_again(
    local_operator: Operator, gateway: Gateway
) -> None:
    refusal = json.dumps({"error": "The project's budget for today is used up.", "code": "BUDGET_EXCEEDED"})
    gateway.steps.append(lambda: (429, refusal))
    refused = local_operator.run("tasks", "submit", "assistant", "Hi")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "The API refused the task: The project's budget for today is used up (BUDGET_EXCEEDED)."
        " `a2actl projects show --project ID` shows what was spent, and `a2actl projects set`"
        " changes the limit.\n"
    )


@pytest.mark.parametrize(("status", "may_have_it"), [(504, True), (429, False)])
def test_a_lost_answer_to_submit_tells_of_the_task_that_may_exist(
    local_operator: Operator, gateway: Gateway, status: int, may_have_it: bool
) -> None:
    gateway.steps.append(lambda: (status, ""))
    refused = local_operator.run("tasks", "submit", "assistant", "Hi")
    assert refused.exit_code == 2
    hint = "The task may have been created; check with `a2actl tasks list assistant`.\n"
    assert refused.stderr.endswith(hint) is may_have_it
    assert "try again in a moment" in refused.stderr
