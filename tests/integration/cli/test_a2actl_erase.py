"""``a2actl erase`` on a deployed stack: nothing of whom it erases is left in tables and bucket."""

import json
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.domain.ids import task_id as task_id_of
from a2a_tasks.domain.task import ContextRef, Payload, Progress, Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.domain.webhooks.push import StoredPushConfig
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.ports.rates import Bucket
from a2a_tasks.ports.tasks import Record
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConversationScope
from a2a_tasks.wecom.exchange import Exchange, ExchangeRef, ExchangeState
from a2a_tasks.wecom.inbound.chat import chat_key, context_id
from a2a_tasks.wecom.inbound.user_limits import UserLimitKind
from a2a_tasks.wecom.language import Language
from a2actl.deployment.account import Account as OperatorAccount
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import STATES, created

NOW = 1_790_000_000_000
UNTIL = NOW + 10 * 365 * 86_400_000
SECRET_WORDS = "my diagnosis"
USER = "LiLei"


def contents(account: Account) -> str:
    """All that tables and bucket have, old versions of objects included."""
    found: list[Any] = []
    for table in ("TasksTable", "RegistryTable"):
        found += account.dynamodb.scan(TableName=account.resources[table])["Items"]
    bucket = account.resources["PayloadBucket"]
    versions = account.s3.list_object_versions(Bucket=bucket)
    for version in versions.get("Versions", []):
        at: Any = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        found.append((version["Key"], account.s3.get_object(**at)["Body"].read()))
    return str([*found, versions.get("DeleteMarkers", [])])


@pytest.fixture
def account(agents: Account) -> Account:
    agents.s3.put_bucket_versioning(
        Bucket=agents.resources["PayloadBucket"], VersioningConfiguration={"Status": "Enabled"}
    )
    return agents


def full(account: Account, number: int = 0, *, state: Status = Status.COMPLETED, **changes: Any) -> Task:
    """A task with everything that a task can own."""
    task = created(account.store, NOW, number=number, deadline=UNTIL, **changes)
    task_id = task.ref.task_id
    if task.context:
        account.contexts.add(task.context, task_id)
    for n in range(2):  # the second is a new version of the first
        account.payloads.put(f"tasks/{task_id}/artifact-1", f"{SECRET_WORDS} {n}".encode())
    text = Payload(inline=json.dumps({"text": SECRET_WORDS}))
    account.records.put_record(task_id, 1, Record("TURN#0001", text))
    account.push.put(task_id, StoredPushConfig("a", f"https://example.com/{task_id}"), UNTIL)
    live = DynamoDBLive(account.dynamodb, account.resources["TasksTable"])
    live.append(task_id, LiveChunk(1, 1, 1, SECRET_WORDS, Progress(), ""), UNTIL)
    return STATES[state](account.store, task, NOW)


def erase(operator: Operator, *arguments: str, yes: bool = True) -> Any:
    return operator.run("erase", *arguments, *(("--yes",) if yes else ()))


# ---------------------------------------------------------------- tasks


@pytest.mark.parametrize("state", [state for state in Status if state is not Status.RUNNING])
def test_nothing_of_a_task_is_left(operator: Operator, account: Account, state: Status) -> None:
    task, other = full(account, state=state), full(account, 1)
    done = erase(operator, "task", task.ref.task_id)
    assert done.exit_code == 0, done.output
    left = contents(account)
    assert task.ref.task_id not in left
    assert other.ref.task_id in left


def test_a_live_task_is_canceled_and_its_worker_is_waited_for(operator: Operator, account: Account) -> None:
    """What a worker still writes in its last minute, clean-up deletes: the record that leads to it stays."""
    task = full(account, state=Status.RUNNING, input=Payload(inline='{"message":"hello"}'))
    done = erase(operator, "task", task.ref.task_id, "--json")
    assert json.loads(done.stdout)["erased"] == {
        "tasks": 1,
        "canceled": 1,
        "objects": 2,
        "items": 1,
        "left": 1,
    }
    kept = account.store.get(task.ref)
    assert kept is not None
    assert kept.status is Status.CANCELED
    assert SECRET_WORDS not in contents(account)
    now = (kept.completed_at or 0) + 3_600_000
    shards = [account.store.past_retention(shard, now, 9) for shard in range(32)]
    assert [found.ref for some in shards for found in some] == [task.ref]


def test_tasks_that_it_has_started_go_too(operator: Operator, account: Account) -> None:
    child = full(account, 1, agent_id="helper")
    spent = (Spent(1, "claude-sonnet-5-5", Usage(input_tokens=1), task_id=child.ref.task_id),)
    parent = full(account, spent=spent)
    erase(operator, "task", parent.ref.task_id)
    assert child.ref.task_id not in contents(account).replace(parent.ref.task_id, "")


def test_it_asks_and_does_nothing_unless_somebody_agrees(operator: Operator, account: Account) -> None:
    task = full(account)
    before = contents(account)
    refused = erase(operator, "task", task.ref.task_id, yes=False)
    assert refused.exit_code == 2
    assert f"Erase {task.ref.task_id} permanently: 1 task? There is no terminal to confirm" in refused.stderr
    assert contents(account) == before


def test_a_dry_run_says_what_there_is_and_what_would_remain(operator: Operator, account: Account) -> None:
    task = full(account)
    before = contents(account)
    done = erase(operator, "task", task.ref.task_id, "--dry-run", yes=False)
    assert done.exit_code == 0
    assert done.stderr == f"Found for {task.ref.task_id}: 1 task.\n"
    assert done.stdout.startswith(
        "What would remain:\n- Backups: DynamoDB can restore an earlier state of the table"
    )
    assert contents(account) == before


def test_an_unknown_task_is_said_before_anything_is_erased(operator: Operator, account: Account) -> None:
    task = full(account)
    refused = erase(operator, "task", task.ref.task_id, "0197a4e0-0000-7000-8000-000000000001")
    assert refused.exit_code == 2
    assert "There is no task 0197a4e0" in refused.stderr
    assert task.ref.task_id in contents(account)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("UpdateItem", Fault.ANSWER_LOST),
        ("DeleteObjects", Fault.NOT_SENT),
        ("BatchWriteItem", Fault.ANSWER_LOST),
        ("DeleteItem", Fault.NOT_SENT),
    ],
)
def test_what_broke_off_is_finished_by_the_same_command(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    tasks = [full(account, n, context_id="case-7") for n in range(2)]
    for nth in (1, 2):
        account.calls.fail_nth(operation, nth, fault)
        erase(operator, "conversation", AGENT, "case-7")
    assert erase(operator, "conversation", AGENT, "case-7").exit_code == 0
    left = contents(account)
    assert [task.ref.task_id for task in tasks if task.ref.task_id in left] == []


def test_an_object_that_cannot_be_deleted_is_no_success(
    operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = full(account)
    refused = {"Errors": [{"Key": "x", "Code": "AccessDenied"}]}
    monkeypatch.setattr(account.s3, "delete_objects", lambda **_: refused)
    monkeypatch.setattr(OperatorAccount, "s3", lambda _: account.s3)
    done = erase(operator, "task", task.ref.task_id)
    assert done.exit_code == 2
    assert "s3:DeleteObjectVersion" in done.stderr
    assert account.store.get(task.ref) is not None, "the way to it is still there"


# ---------------------------------------------------------------- a conversation


def test_a_conversation_goes_whole_and_others_stay(operator: Operator, account: Account) -> None:
    mine = [full(account, n, context_id="case-7") for n in range(3)]
    other = full(account, 9, context_id="case-8")
    done = erase(operator, "conversation", AGENT, "case-7")
    assert done.exit_code == 0
    left = contents(account)
    assert [task.ref.task_id for task in mine if task.ref.task_id in left] == []
    assert "case-7" not in left
    assert other.ref.task_id in left


def test_an_entry_whose_task_may_still_come_stays(operator: Operator, account: Account) -> None:
    about_to_be = task_id_of(SystemClock().now(), bytes(10))
    old = task_id_of(NOW, bytes(10))
    context = ContextRef(AGENT, "case-7")
    for each in (about_to_be, old):
        account.contexts.add(context, each)
    erase(operator, "conversation", AGENT, "case-7")
    assert account.contexts.page(context, None, 9) == [about_to_be]


def test_a_bad_context_id_names_itself(operator: Operator) -> None:
    refused = erase(operator, "conversation", AGENT, "case 7")
    assert refused.stderr.startswith("CONTEXT takes 1 to 128 letters")


# ---------------------------------------------------------------- a person


@pytest.fixture
def connection(account: Account) -> Connection:
    made = Connection("helper", PROJECT, ConnectionKind.BOT, "arn", 0, agent_id=AGENT)
    account.connections.create(made)
    return made


def asked(
    account: Account,
    connection: Connection,
    number: int,
    *,
    user: str = USER,
    chat: str | None = None,
    generation: int = 0,
    is_recent: bool = True,
    **changes: Any,
) -> Task:
    """Something that somebody has asked, as the functions keep it; exchanges for a day alone."""
    context = context_id(connection, chat_key(connection, user, chat), generation)
    task = full(account, number, context_id=context, **changes)
    exchange = Exchange(
        ref=ExchangeRef(task.ref.task_id),
        agent_id=AGENT,
        project_id=PROJECT,
        connection_id=connection.connection_id,
        user_id=user,
        chat_id=chat,
        language=Language.EN,
        started_at=NOW,
        state=ExchangeState.OPEN,
    )
    if is_recent:
        account.exchanges.put(exchange, UNTIL)
    return task


def test_a_person_s_conversations_counts_and_places_go(
    operator: Operator, account: Account, connection: Connection
) -> None:
    key = chat_key(connection, USER, None)
    account.chats.begin("helper", key, "message-1")
    mine = [asked(account, connection, n, generation=n, is_recent=False) for n in range(2)]
    other = asked(account, connection, 9, user="HanMeimei")
    account.spend.add_spend("WECOM#helper#lilei", "2026-09-21", Usage(input_tokens=5))
    account.rates.take(Bucket("WECOM#helper#lilei", UserLimitKind.QUESTIONS), Rate(600, 60), 1, NOW)

    done = erase(operator, "wecom-user", "helper", "lilei")

    assert done.exit_code == 0, done.output
    left = contents(account)
    assert [task.ref.task_id for task in mine if task.ref.task_id in left] == []
    assert "lilei" not in left
    assert f"CHAT#helper#{key}" not in left
    assert other.ref.task_id in left


def test_own_conversations_in_groups_go_too(
    operator: Operator, account: Account, connection: Connection
) -> None:
    recent = asked(account, connection, 0, chat="wrGROUP")
    old = asked(account, connection, 1, chat="wrGROUP", is_recent=False)
    unknown = asked(account, connection, 2, chat="wrOTHER", is_recent=False)
    theirs = asked(account, connection, 3, chat="wrGROUP", user="HanMeimei")

    erased = json.loads(erase(operator, "wecom-user", "helper", USER, "--json").stdout)

    gone = {task["taskId"] for task in erased["found"]["tasks"]}
    assert gone == {recent.ref.task_id, old.ref.task_id}, "the recent one says which group that is"
    assert any("2 tasks in groups belong to others, or to users" in each for each in erased["remains"])
    erase(operator, "wecom-user", "helper", USER, "--chat", "wrOTHER")
    left = contents(account)
    assert unknown.ref.task_id not in left
    assert theirs.ref.task_id in left


def test_of_a_shared_conversation_what_they_asked_goes(operator: Operator, account: Account) -> None:
    shared = Connection(
        "desk", PROJECT, ConnectionKind.BOT, "arn", 0, agent_id=AGENT, conversation=ConversationScope.GROUP
    )
    account.connections.create(shared)
    recent = asked(account, shared, 0, chat="wrGROUP")
    spender = asked(account, shared, 1, chat="wrGROUP", is_recent=False, spender="WECOM#desk#lilei")
    theirs = asked(account, shared, 2, chat="wrGROUP", user="HanMeimei")
    erase(operator, "wecom-user", "desk", USER)
    left = contents(account)
    assert [task.ref.task_id for task in (recent, spender) if task.ref.task_id in left] == []
    assert theirs.ref.task_id in left


def test_a_person_on_the_connection_s_list_is_told_of(
    operator: Operator, account: Account, connection: Connection
) -> None:
    account.connections.replace(replace(connection, allowed_users=frozenset({USER})))
    done = erase(operator, "wecom-user", "helper", USER, "--dry-run", yes=False)
    assert "The connection's list of people still has LiLei" in done.stdout


def test_an_unknown_connection_names_the_list(operator: Operator) -> None:
    refused = erase(operator, "wecom-user", "nobody", USER)
    assert refused.exit_code == 2
    assert "There is no connection 'nobody'; `a2actl wecom connections list` lists them" in refused.stderr
