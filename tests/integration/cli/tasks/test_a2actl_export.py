"""``a2actl export`` on a deployed stack."""

import json
from pathlib import Path
from typing import Any

import pytest

from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.tasks import payload
from a2actl.export import selection
from a2actl.terminal import progress
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import completed, created, new_task

DAY_MS = 86_400_000
NOW = 1_790_000_000_000
"""2026-09-21T14:13:20Z."""


@pytest.fixture
def account(agents: Account) -> Account:
    """With an agent in each of two projects, and one more in the first."""
    agents.add_agent("zoe", PROJECT)
    return agents


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PAGE", 10)
    monkeypatch.setattr(progress, "TELL_EVERY", 10)


@pytest.fixture
def out(operator: Operator) -> Path:
    return operator.directory / "tasks.ndjson"


def export(operator: Operator, out: Path, *options: str) -> Any:
    return operator.run("export", "--project", PROJECT, "--output", str(out), *options)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def ids(out: Path) -> list[str]:
    return [line["taskId"] for line in lines(out)]


def hand_over(account: Account, count: int, agent_id: str = "assistant", **changes: Any) -> list[str]:
    """Ids of new tasks, newest first, an hour apart."""
    made = [
        created(account.store, NOW - n * 3_600_000, agent_id=agent_id, number=n, **changes)
        for n in range(count)
    ]
    return [task.ref.task_id for task in made]


def text_of(size: int) -> str:
    """One that is no shorter when it is packed."""
    return "".join(chr(0x4E00 + n * n * 7919 % 20_000) for n in range(size))


def answered(account: Account, text: str) -> Task:
    task_id = new_task(NOW, number=99).ref.task_id
    asked = payload.save(account.payloads, task_id, "input", {"message": f"Say {text}"})
    task = created(account.store, NOW, number=99, input=asked)
    output = payload.save(account.payloads, task_id, "output-1", {"result": text})
    return completed(account.store, task, NOW + 1, output)


def test_each_task_is_a_line_by_agent_and_newest_first(
    operator: Operator, account: Account, out: Path
) -> None:
    of_zoe, of_assistant = hand_over(account, 2, "zoe"), hand_over(account, 3)
    hand_over(account, 1, OTHER_AGENT, project_id="rival")
    done = export(operator, out)
    assert (done.exit_code, done.stdout) == (0, f"{out}: 5 tasks written.\n")
    assert ids(out) == [*of_assistant, *of_zoe]
    first = lines(out)[0]
    assert first["projectId"] == PROJECT
    assert first["status"] == "pending"
    assert first["input"] == {"message": "hello"}


@pytest.mark.parametrize("size", [10, 3_000, 30_000], ids=["inline", "item", "object"])
def test_texts_are_there_wherever_they_are_kept(
    operator: Operator, account: Account, out: Path, size: int
) -> None:
    text = text_of(size)
    answered(account, text)
    export(operator, out)
    (line,) = lines(out)
    assert line["input"]["message"] == f"Say {text}"
    assert line["output"]["result"] == text


def test_without_texts_none_is_read(operator: Operator, account: Account, out: Path) -> None:
    answered(account, "x" * 9_000)
    account.calls.made.clear()
    export(operator, out, "--no-texts")
    (line,) = lines(out)
    assert not {"input", "output"} & set(line)
    assert account.calls.of("GetObject") == []


def test_a_text_that_is_gone_does_not_end_it(operator: Operator, account: Account, out: Path) -> None:
    created(account.store, NOW, number=50, input=Payload(key="tasks/gone/input.json", sha256="00"))
    hand_over(account, 1)
    export(operator, out)
    assert sorted(str(line["input"]) for line in lines(out)) == ["gone", "{'message': 'hello'}"]


def test_times_are_of_creation_and_the_end_is_not_in_it(
    operator: Operator, account: Account, out: Path
) -> None:
    made = hand_over(account, 5)
    export(operator, out, "--from", "2026-09-21T11:13:20Z", "--to", "2026-09-21T14:13:20Z")
    assert ids(out) == made[1:4]


def test_a_day_begins_at_midnight_of_utc(operator: Operator, account: Account, out: Path) -> None:
    hand_over(account, 20)
    export(operator, out, "--from", "2026-09-21")
    assert len(ids(out)) == 15


def test_one_agent_alone(operator: Operator, account: Account, out: Path) -> None:
    hand_over(account, 2)
    of_zoe = hand_over(account, 2, "zoe")
    export(operator, out, "--agent", "zoe")
    assert ids(out) == of_zoe


def test_more_than_a_page(operator: Operator, account: Account, out: Path) -> None:
    made = hand_over(account, 23)
    done = export(operator, out, "--no-texts")
    assert ids(out) == made
    assert done.stderr == "10 tasks written …\n20 tasks written …\n"


# ---------------------------------------------------------------- going on


def test_what_broke_off_goes_on_behind_its_last_whole_line(
    operator: Operator, account: Account, out: Path
) -> None:
    made = [*hand_over(account, 13), *hand_over(account, 4, "zoe")]
    export(operator, out)
    whole = out.read_bytes().splitlines(keepends=True)
    assert len(whole) == 17
    for kept in (0, 9, 10, 13, 17):
        half = whole[kept][:20] if kept < 17 else b""
        out.write_bytes(b"".join(whole[:kept]) + half)
        done = export(operator, out, "--resume")
        assert done.stdout == f"{out}: {17 - kept} task{'' if kept == 16 else 's'} written.\n"
        assert ids(out) == made


@pytest.mark.parametrize("operation", ["Query", "GetObject"])
def test_an_error_in_between_loses_nothing(
    operator: Operator, account: Account, out: Path, operation: str
) -> None:
    made = hand_over(account, 12)
    expected = {answered(account, text_of(30_000)).ref.task_id, *made}
    account.calls.fail_nth(operation, 1, Fault.THROTTLED)
    failed = export(operator, out)
    assert failed.exit_code == 2
    assert export(operator, out, "--resume").exit_code == 0
    assert sorted(ids(out)) == sorted(expected)


def test_a_file_that_is_there_is_not_written_over(operator: Operator, account: Account, out: Path) -> None:
    hand_over(account, 1)
    out.write_text("mine")
    refused = export(operator, out)
    assert refused.exit_code == 2
    assert "already exists; continue it with --resume" in refused.stderr
    assert out.read_text() == "mine"


@pytest.mark.parametrize("content", ["mine\n", '{"agentId": 1, "taskId": 2}\n', "[1]\n"])
def test_a_file_of_something_else_is_not_gone_on_with(operator: Operator, out: Path, content: str) -> None:
    out.write_text(content)
    refused = export(operator, out, "--resume")
    assert refused.exit_code == 2
    assert "its last line is not a task of an export" in refused.stderr
    assert out.read_text() == content


def test_going_on_with_other_agents_is_refused(operator: Operator, account: Account, out: Path) -> None:
    hand_over(account, 1)
    export(operator, out)
    refused = export(operator, out, "--resume", "--agent", "zoe")
    assert "ends with a task of assistant, which this export does not include" in refused.stderr


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "yesterday"), "--from takes a day or a time, such as 2026-11-28"),
        (("--agent", "spy"), "--agent: the project demo has no spy; it has assistant, zoe"),
    ],
)
def test_bad_options_name_themselves(
    operator: Operator, account: Account, out: Path, options: tuple[str, ...], words: str
) -> None:
    hand_over(account, 1)
    refused = export(operator, out, *options)
    assert (refused.exit_code, out.exists()) == (2, False)
    assert words in refused.stderr


def test_a_folder_that_is_not_there(operator: Operator, account: Account) -> None:
    hand_over(account, 1)
    refused = export(operator, operator.directory / "nowhere" / "x.ndjson")
    assert refused.exit_code == 2
    assert "cannot be written" in refused.stderr
