"""The worker: the real handler with the real anthropic SDK, against the stand-in for Claude's API."""

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from a2a_tasks.adapters.system import SystemEntropy
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.overload.pace import IN_A_ROW
from a2a_tasks.domain.task import Status
from local.standin.client import StandInClient
from tests.integration.claude.model_calls import gives_up, together
from tests.integration.support.account import AGENT, CLAUDE_KEY, PROJECT
from tests.integration.support.aws_calls import Call, Fault
from tests.integration.support.caller import Caller
from tests.integration.support.stored_task import TIMEOUT_MS
from tests.integration.support.texts import incompressible
from tests.integration.support.worker import Worker

MODEL = "claude-sonnet-5-5"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")


def sort_key(call: Call) -> str:
    """Of the item that a call reads or writes."""
    key: str = (call.parameters.get("Key") or call.parameters["Item"])["sk"]["S"]
    return key


def test_a_task_is_completed_with_output_usage_and_cost(worker: Worker, claude: StandInClient) -> None:
    task = worker.accept("[[standin: say=四十二]]")

    _, kept = worker.deliver()

    done = worker.now(task)
    assert (done.status, done.attempt, done.fence, kept) == (Status.COMPLETED, 1, 1, [])
    assert worker.output(task) == {"result": "四十二"}
    assert (done.due_at, done.held_by, done.failure) == (None, None, None)
    assert done.usage.turns == 1
    used = done.usage
    assert used.cache_write_tokens > 0
    # USD 2 and 10 per million tokens; what is written into the cache costs a quarter more
    expected = (2 * used.input_tokens + 2.5 * used.cache_write_tokens + 10 * used.output_tokens) / 1e6
    assert float(used.cost_usd or 0) == pytest.approx(expected, abs=1e-6)
    assert len(claude.calls()) == 1


def test_the_models_request_is_the_agents_and_the_callers(worker: Worker, claude: StandInClient) -> None:
    worker.run("[[standin: echo]] 报告")

    request = claude.requests(0)
    assert request.body["model"] == MODEL
    assert request.body["system"] == "Be brief."
    assert request.body["max_tokens"] == 16_000
    assert request.body["stream"] is True
    assert request.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "[[standin: echo]] 报告"}]}
    ]


def test_a_pinned_revision_outlives_an_edit_of_the_agent(worker: Worker, claude: StandInClient) -> None:
    task = worker.accept("[[standin: say=done]]")
    worker.account.add_agent(AGENT, PROJECT, systemPrompt="Be verbose.", model="opus")

    worker.deliver()

    assert worker.now(task).status is Status.COMPLETED
    assert claude.requests(0).body["system"] == "Be brief."


def test_a_finished_tasks_message_is_deleted_by_the_worker_itself(worker: Worker) -> None:
    worker.run("[[standin: say=done]]")

    assert worker.account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_a_task_of_one_turn_costs_three_writes_and_its_answer_no_more(
    start: Callable[..., ModuleType], worker: Worker
) -> None:
    caller = Caller(start("api").handler, PROJECT)
    caller.post(AGENT, {"message": "[[standin: say=the first task of a process begins its lease]]"})
    worker.work()
    worker.account.calls.made.clear()

    caller.post(AGENT, {"message": "[[standin: say=done]]"})
    worker.work()

    made = worker.account.calls.of(*WRITES)
    counts, writes = made[:2], made[2:]
    # the requests of its key, and the tasks that they make
    assert [(call.operation, sort_key(call)) for call in counts] == [
        ("UpdateItem", "REQUESTS"),
        ("UpdateItem", "CREATIONS"),
    ]
    # create the task, claim it, finish it
    assert [call.operation for call in writes] == ["PutItem", "UpdateItem", "UpdateItem"]
    assert [sort_key(call)[:4] for call in writes] == ["TASK"] * 3


@pytest.mark.parametrize(("chance", "reads"), [(0.25, 3), (0.24, 4)])
def test_a_slot_costs_two_writes_more(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, chance: float, reads: int
) -> None:
    monkeypatch.setattr(SystemEntropy, "fraction", lambda _: chance)
    worker.account.add_agent(AGENT, PROJECT, maxConcurrentTasks=50)
    worker.run("[[standin: say=the first task of a process begins its lease]]")
    worker.account.calls.made.clear()

    worker.run("[[standin: say=done]]", number=1)

    writes = [(call.operation, sort_key(call)[:4]) for call in worker.account.calls.of(*WRITES)]
    assert writes == [
        ("PutItem", "TASK"),
        ("PutItem", "SLOT"),
        ("UpdateItem", "TASK"),
        ("UpdateItem", "TASK"),
        ("DeleteItem", "SLOT"),
    ]
    # who is there and who waits, before it begins, at its end, and after that; in one grant of four also who
    # has waited long
    assert len(worker.account.calls.of("Query")) == reads


def test_a_warm_worker_reads_the_task_alone(worker: Worker) -> None:
    worker.run("[[standin: say=first]]")
    worker.account.calls.made.clear()

    worker.run("[[standin: say=done]]", number=1)

    # the agent's revision and limit and the project's settings are known by now; the last read is the test's
    read = [sort_key(call).partition("#")[0] for call in worker.account.calls.of("GetItem")]
    assert read[:-1] == ["TASK"]
    assert worker.account.calls.of("Query") == []


def test_a_message_of_100_000_characters_and_a_result_of_2_mb(worker: Worker, claude: StandInClient) -> None:
    filler = "测" * (100_000 - len("[[standin: size=2000000]]"))

    done = worker.run("[[standin: size=2000000]]" + filler)

    assert done.status is Status.COMPLETED
    assert len(worker.output(done)["result"]) == 2_000_000
    assert claude.requests(0).body["messages"][0]["content"][0]["text"].endswith(filler)


def test_thinking_is_not_part_of_the_result(worker: Worker) -> None:
    done = worker.run("[[standin: think=hmm; say=answer]]")

    assert worker.output(done) == {"result": "answer"}


@pytest.mark.parametrize(
    ("step", "at_least"),
    [
        ("err=500", 1),
        ("err=504", 1),
        ("eof", 1),
        ("drop", 1),
        ("hang", 1),
        ("silent", 1),
    ],
)
def test_an_error_that_may_pass_gives_task_and_message_back(worker: Worker, step: str, at_least: int) -> None:
    task = worker.accept(f"[[standin: {step}]]")
    begun = worker.module.executor.clock.now()

    with gives_up(step, 0.3 if step in ("hang", "silent") else 60):
        records, kept = worker.deliver()

    waiting = worker.now(task)
    assert (waiting.status, waiting.attempt, waiting.held_by) == (Status.PENDING, 1, None)
    assert waiting.due_at == waiting.not_before + 30_000
    assert kept == [record["messageId"] for record in records]
    (invisible,) = worker.account.calls.of("ChangeMessageVisibilityBatch")[-1].parameters["Entries"]
    seconds = invisible["VisibilityTimeout"]
    assert invisible["ReceiptHandle"] == records[0]["receiptHandle"]
    assert at_least <= seconds <= at_least + 1
    assert begun <= waiting.not_before - seconds * 1000 <= waiting.updated_at
    counts = worker.account.message_counts()
    assert counts["in_flight"] + counts["visible"] == 1, "visible where the second is over"


@pytest.mark.parametrize(
    ("step", "at_least"),
    [
        ("err=429; retry_after=7", 7),
        ("err=429; retry_after=0", 1),
        ("err=529", 1),
        ("err=503", 1),
        ("sse_err=overloaded_error", 1),
    ],
)
def test_overload_is_no_attempt_and_comes_back_by_a_new_message(
    worker: Worker, step: str, at_least: int
) -> None:
    task = worker.accept(f"[[standin: {step}]]", paused_ms=TIMEOUT_MS)
    begun = worker.module.executor.clock.now()

    _, kept = worker.deliver()

    waiting = worker.now(task)
    assert (waiting.status, waiting.attempt, waiting.held_by) == (Status.PENDING, 0, None)
    assert waiting.throttled_calls == 1
    assert TIMEOUT_MS - 60_000 < (waiting.paused_ms or 0) <= TIMEOUT_MS
    assert waiting.due_at == waiting.not_before + 30_000
    assert kept == []
    sent = worker.account.calls.of("SendMessage")[-1].parameters
    seconds = sent["DelaySeconds"]
    assert json.loads(sent["MessageBody"])["taskId"] == task.ref.task_id
    assert at_least <= seconds <= at_least + 4
    assert begun <= waiting.not_before - seconds * 1000 <= waiting.updated_at
    counts = worker.account.message_counts()
    assert (counts["in_flight"], counts["delayed"] + counts["visible"]) == (0, 1)


@pytest.mark.parametrize("is_sent_twice", [False, True])
def test_while_it_lasts_the_next_task_is_put_off_before_it_is_claimed(
    worker: Worker, claude: StandInClient, is_sent_twice: bool
) -> None:
    for number in range(IN_A_ROW):
        worker.accept("[[standin: err=529; retry_after=60]]", number=number)
        worker.deliver()
    task = worker.accept("[[standin: say=done]]", number=IN_A_ROW)
    if is_sent_twice:
        worker.account.calls.fail("UpdateItem", Fault.SENT_TWICE, on="TASK#")

    worker.deliver()

    waiting = worker.now(task)
    assert (waiting.status, waiting.fence, waiting.throttled_calls) == (Status.PENDING, 0, 1)
    assert waiting.not_before >= waiting.updated_at + 50_000
    # its message comes back when it is over, and not the sweeper's half a minute later
    sent = worker.account.calls.of("SendMessage")[-1].parameters
    assert json.loads(sent["MessageBody"])["taskId"] == task.ref.task_id
    assert sent["DelaySeconds"] * 1000 == waiting.not_before - waiting.updated_at
    assert len(claude.calls()) == IN_A_ROW


def test_an_attempt_that_was_cut_off_is_paid_for(worker: Worker) -> None:
    waiting = worker.run("[[standin: say=half of it; eof]]")

    assert waiting.status is Status.PENDING
    assert waiting.usage.input_tokens > 0
    assert waiting.usage.turns == 0


def test_after_the_last_attempt_that_its_caller_allows_overload_fails_the_task(worker: Worker) -> None:
    task = worker.accept("[[standin: err=529]]", max_attempts=1, bounds_tries=True)

    _, kept = worker.deliver()

    failure = worker.now(task).failure
    assert failure is not None
    assert (failure.code, kept) == (FailureCode.MODEL_OVERLOADED, [])
    assert failure.message.startswith("The model's API answered 529: ")
    assert failure.message.endswith("(Attempt 1 of 1, the last.)")


def test_a_retry_that_would_come_too_late_fails_the_task_at_once(worker: Worker) -> None:
    now = worker.module.executor.clock.now()

    done = worker.run("[[standin: err=500; retry_after=60]]", deadline=now + 30_000)

    assert done.failure is not None
    assert done.failure.code is FailureCode.MODEL_OVERLOADED
    assert "after the task's deadline" in done.failure.message


def test_the_second_attempt_completes_the_task(worker: Worker, claude: StandInClient) -> None:
    task = worker.accept("[[standin: err=500 | say=at last]]")
    worker.deliver()
    worker.account.dynamodb.update_item(
        TableName=worker.account.resources["TasksTable"],
        Key={"pk": {"S": f"TASK#{task.ref.task_id}"}, "sk": {"S": f"TASK#{AGENT}"}},
        UpdateExpression="SET notBefore = :now",
        ExpressionAttributeValues={":now": {"N": "0"}},
    )
    worker.account.queue.send(task)

    worker.deliver()

    done = worker.now(task)
    assert (done.status, done.attempt, done.fence) == (Status.COMPLETED, 2, 2)
    assert [call.step for call in claude.calls()] == [1, 2]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("err=400", FailureCode.EXECUTION_ERROR),
        ("err=402", FailureCode.EXECUTION_ERROR),
        ("err=413", FailureCode.EXECUTION_ERROR),
        ("err=422", FailureCode.EXECUTION_ERROR),
        ("err=401", FailureCode.AGENT_MISCONFIGURED),
        ("err=403", FailureCode.AGENT_MISCONFIGURED),
        ("err=404", FailureCode.AGENT_MISCONFIGURED),
        ("err=429; error_code=enforced_spend_limit_reached", FailureCode.EXECUTION_ERROR),
        ("say=no; stop=refusal", FailureCode.MODEL_REFUSED),
        ("say=half; stop=max_tokens", FailureCode.OUTPUT_TRUNCATED),
        ("say=half; stop=model_context_window_exceeded", FailureCode.OUTPUT_TRUNCATED),
        ("say=hm; stop=something_new", FailureCode.EXECUTION_ERROR),
    ],
)
def test_what_waiting_does_not_cure_fails_the_task_at_once(
    worker: Worker, step: str, code: FailureCode
) -> None:
    task = worker.accept(f"[[standin: {step}]]")

    _, kept = worker.deliver()

    done = worker.now(task)
    assert (done.status, done.attempt, kept) == (Status.FAILED, 1, [])
    assert done.failure is not None
    assert done.failure.code is code
    assert "sk-ant" not in done.failure.message
    assert worker.account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_a_truncated_answer_is_kept_as_partial(worker: Worker) -> None:
    done = worker.run("[[standin: say=half of it; stop=max_tokens]]")

    assert worker.output(done) == {"result": "half of it", "partial": True}
    assert done.usage.turns == 1


def test_a_rotated_key_is_used_after_a_401(worker: Worker, claude: StandInClient) -> None:
    worker.account.put_claude_key("sk-ant-wrong")
    first = worker.run("[[standin: say=before]]")
    worker.account.put_claude_key(CLAUDE_KEY)

    second = worker.run("[[standin: say=after]]", number=1)

    assert first.status is Status.FAILED
    assert second.status is Status.COMPLETED
    assert [call.outcome for call in claude.calls()] == ["error 401", "error 401", "completed"]


def test_the_key_is_read_once_for_many_tasks(worker: Worker) -> None:
    # alone: tasks that begin at the same moment in a new process may each read it
    worker.run("[[standin: say=done]] first", number=9)
    for number in range(3):
        worker.accept(f"[[standin: say=done]] {number}", number=number)

    worker.deliver()

    assert len(worker.account.calls.of("GetSecretValue")) == 1


def test_without_a_key_the_operator_is_told(worker: Worker, claude: StandInClient) -> None:
    worker.account.put_claude_key("")

    done = worker.run("[[standin: say=done]]")

    assert done.failure is not None
    assert done.failure.code is FailureCode.AGENT_MISCONFIGURED
    assert "No Claude API key is configured" in done.failure.message
    assert claude.calls() == []


@pytest.mark.parametrize("secret", ["not json", '{"key": "x"}', "[]"])
def test_a_secret_of_another_shape_fails_no_task_for_good(worker: Worker, secret: str) -> None:
    resource = worker.account.resources["ClaudeApiKeySecret"]
    worker.account.secrets.put_secret_value(SecretId=resource, SecretString=secret)

    waiting = worker.run("[[standin: say=done]]")

    assert (waiting.status, waiting.attempt) == (Status.PENDING, 1)


def test_ten_tasks_in_one_event_stand_alone(
    worker: Worker, claude: StandInClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a slow machine a worker that waits would take the returned messages again
    monkeypatch.setattr("a2a_tasks.execution.process.intake.SHARE_AFTER_SECONDS", 900.0)
    slow = "say=letter by letter; delay=0.5"
    steps = [
        slow,
        "err=529",
        "err=400",
        "drop",
        slow,
        "stop=refusal; say=no",
        "hang",
        slow,
        "size=50000",
        slow,
    ]
    tasks = [worker.accept(f"[[standin: {step}]]", number=n) for n, step in enumerate(steps)]

    with gives_up("hang", 0.3), together(len(steps)):
        records, kept = worker.deliver()

    completed, failed, back = Status.COMPLETED, Status.FAILED, Status.PENDING
    assert [worker.now(task).status for task in tasks] == [
        completed, back, failed, back, completed, failed, back, completed, completed, completed
    ]  # fmt: skip
    ids = {json.loads(record["body"])["taskId"]: record["messageId"] for record in records}
    assert sorted(kept) == sorted(ids[tasks[n].ref.task_id] for n in (3, 6))
    # not counted in the queue, where the first of the kept ones may be visible again by now
    handles = {record["receiptHandle"] for record in records}
    deleted = [call.parameters["ReceiptHandle"] for call in worker.account.calls.of("DeleteMessage")]
    assert sorted(handles.intersection(deleted)) == sorted(
        record["receiptHandle"] for record in records if record["messageId"] not in kept
    )
    assert claude.concurrency().max_open == len(steps)


def test_the_same_message_twice_in_one_event_buys_one_answer(worker: Worker, claude: StandInClient) -> None:
    task = worker.accept("[[standin: say=once; delay=0.2]]")
    worker.account.queue.send(task)

    _, kept = worker.deliver()

    assert worker.now(task).status is Status.COMPLETED
    assert len(claude.calls()) == 1
    assert kept == [], "a copy is not needed: the winner's own message would come back"
    assert worker.account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_a_canceled_task_is_not_started(worker: Worker, claude: StandInClient) -> None:
    task = worker.accept("[[standin: say=done]]")
    worker.module.executor.finalizer.cancel(task)

    _, kept = worker.deliver()

    assert worker.now(task).status is Status.CANCELED
    assert (claude.calls(), kept) == ([], [])
    assert worker.account.message_counts()["in_flight"] == 0


def test_a_cancel_stops_the_model_within_a_heartbeat(
    start_worker: Callable[..., Worker], claude: StandInClient
) -> None:
    worker = start_worker(LEASE_SECONDS="3")
    task = worker.accept("[[standin: hang]]")

    assert worker.deliver_and_cancel(task) == {"batchItemFailures": []}
    assert worker.now(task).status is Status.CANCELED
    assert [call.outcome for call in claude.calls()] == ["client_left"]


def test_a_task_times_out_in_mid_answer(worker: Worker) -> None:
    now = worker.module.executor.clock.now()

    done = worker.run("[[standin: ping]]", deadline=now + 400)

    assert done.failure is not None
    assert (done.status, done.failure.code) == (Status.FAILED, FailureCode.TIMEOUT)


def test_a_worker_that_must_stop_gives_the_task_back(worker: Worker) -> None:
    task = worker.accept("[[standin: ping]]")

    _, kept = worker.deliver(remaining_ms=20_300)

    assert worker.now(task).status is Status.PENDING
    assert len(kept) == 1


def test_an_answer_is_not_bought_again_because_saving_it_failed_once(
    worker: Worker, claude: StandInClient
) -> None:
    task = worker.accept(f"[[standin: say={incompressible(20_000)}]]")
    worker.account.calls.fail("PutObject", Fault.NOT_SENT)

    worker.deliver()

    assert worker.now(task).status is Status.COMPLETED
    assert len(claude.calls()) == 1


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.SENT_TWICE])
def test_a_completion_whose_answer_was_lost_counts_once(
    worker: Worker, claude: StandInClient, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    task = worker.accept("[[standin: say=done]]")
    worker.account.calls.fail("UpdateItem", Fault.SENT_TWICE, on="TASK#")  # the claim
    worker.account.calls.fail("UpdateItem", fault, on="TASK#")  # the completion

    worker.deliver()

    metrics = [line for line in capsys.readouterr().out.splitlines() if '"TasksCompleted":[' in line]
    assert len(metrics) == 1
    assert worker.now(task).status is Status.COMPLETED
    assert (worker.now(task).attempt, len(claude.calls())) == (1, 1)


@pytest.mark.parametrize(("operation", "item"), [("PutItem", "SLOT#"), ("UpdateItem", "TASK#")])
def test_a_store_that_does_not_answer_leaves_the_message(
    worker: Worker, claude: StandInClient, operation: str, item: str
) -> None:
    worker.account.add_agent(AGENT, PROJECT, maxConcurrentTasks=1)
    task = worker.accept("[[standin: say=done]]")
    worker.account.calls.fail(operation, Fault.THROTTLED, on=item)

    _, kept = worker.deliver()

    assert (worker.now(task).status, worker.now(task).attempt) == (Status.PENDING, 0)
    assert (len(kept), claude.calls()) == (1, [])
    invisible = worker.account.calls.of("ChangeMessageVisibilityBatch")[-1].parameters["Entries"]
    assert [entry["VisibilityTimeout"] for entry in invisible] == [30]


def test_a_message_that_names_no_task_stays_for_the_dead_letter_queue(worker: Worker) -> None:
    worker.account.sqs.send_message(
        QueueUrl=worker.account.resources["TaskQueue"], MessageBody="not a task", MessageGroupId=PROJECT
    )
    good = worker.accept("[[standin: say=done]]")

    records, kept = worker.deliver()

    assert kept == [r["messageId"] for r in records if r["body"] == "not a task"]
    assert worker.now(good).status is Status.COMPLETED


def test_log_and_metrics_tell_the_story_without_its_words(
    start_worker: Callable[..., Worker], capsys: pytest.CaptureFixture[str]
) -> None:
    worker = start_worker()  # here, so that its logger writes into what is captured here

    done = worker.run("[[standin: say=private answer]] private question")

    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    story = [line["message"] for line in lines if line.get("task_id") == done.ref.task_id]
    metrics = {name for line in lines if "_aws" in line for name in line if name[0].isupper()}
    assert story == ["task completed"]
    assert {line["correlation_id"] for line in lines if "task_id" in line} == {"request-1"}
    assert metrics >= {
        "QueueWaitMs", "InputTokens", "OutputTokens", "CostUsd", "TasksCompleted", "RunTimeMs"
    }  # fmt: skip
    assert "private" not in printed
    assert CLAUDE_KEY not in printed
