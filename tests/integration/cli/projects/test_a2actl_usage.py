"""``a2actl usage`` on a deployed stack."""

import csv
import json
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.domain.task import Payload
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.tasks import usage as reports
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import OTHER_AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import canceled, completed, created

DAY_MS = 86_400_000
NOW = 1_790_000_000_000
"""2026-09-21."""
SONNET, HAIKU = "claude-sonnet-5-5", "claude-haiku-5"
SPAN = ("--from", "2026-09-01", "--to", "2026-09-30")
COLUMNS = "TASKS\tCOMPLETED\tFAILED\tCANCELED\tTOKENS IN\tOUT\tCOST"


@pytest.fixture
def account(agents: Account) -> Account:
    """Tasks of two projects on two days."""
    for project_id in (PROJECT, OTHER_PROJECT):
        agents.registry.create_project(project_id, NOW)
    agents.add_agent("zoe", PROJECT)
    does = [
        ("assistant", PROJECT, NOW, SONNET, "1.00"),
        ("assistant", PROJECT, NOW - DAY_MS, HAIKU, "0.25"),
        ("zoe", PROJECT, NOW, HAIKU, "0.50"),
        (OTHER_AGENT, OTHER_PROJECT, NOW, SONNET, "4.00"),
    ]
    for number, (agent_id, project_id, now, model, usd) in enumerate(does):
        task = created(
            agents.store,
            now,
            number=number,
            agent_id=agent_id,
            project_id=project_id,
            key_id=f"key-{project_id}",
        )
        used = Spent(1, model, Usage(100, 50, 10, 5, 1, Decimal(usd)))
        completed(agents.store, task, now, Payload(inline="{}"), (used,))
    canceled(agents.store, created(agents.store, NOW, number=9), NOW)
    created(agents.store, NOW, number=10)
    return agents


@pytest.fixture
def operator(operator: Operator, account: Account) -> Operator:  # noqa: ARG001  fills the account
    return operator


def usage(operator: Operator, *options: str) -> list[dict[str, Any]]:
    done = operator.run("usage", "--json", *SPAN, *options)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("project", {"rival": (1, 4.0), "demo": (4, 1.75)}),
        ("agent", {"spy": (1, 4.0), "assistant": (3, 1.25), "zoe": (1, 0.5)}),
        ("model", {SONNET: (2, 5.0), HAIKU: (2, 0.75)}),
        ("key", {"key-rival": (1, 4.0), "key-demo": (3, 1.75), "unknown": (1, 0.0)}),
        ("day", {"2026-09-20": (1, 0.25), "2026-09-21": (4, 5.5)}),
    ],
)
def test_what_was_used_by_whom(operator: Operator, by: str, expected: dict[str, tuple[int, float]]) -> None:
    rows = usage(operator, "--by", by)
    assert {row[by]: (row["tasks"], row["costUsd"]) for row in rows} == expected
    assert [row[by] for row in rows] == list(expected), "the dearest first, and days in their order"


def test_a_project_an_agent_and_a_day_alone(operator: Operator) -> None:
    assert [row["project"] for row in usage(operator, "--project", PROJECT)] == [PROJECT]
    (row,) = usage(operator, "--by", "agent", "--project", PROJECT, "--agent", "zoe")
    assert (row["agent"], row["completed"], row["inputTokens"]) == ("zoe", 1, 100)
    assert len(usage(operator, "--by", "day", "--from", "2026-09-21")) == 1


def test_for_a_person_it_is_a_table_with_a_sum(operator: Operator) -> None:
    done = operator.run("usage", *SPAN)
    assert done.stdout.splitlines() == [
        f"PROJECT\t{COLUMNS}",
        "rival\t1\t1\t0\t0\t115\t50\t$4.00",
        "demo\t4\t3\t0\t1\t345\t150\t$1.75",
        "all\t5\t4\t0\t1\t460\t200\t$5.75",
    ]
    assert done.stderr == (
        "Tasks created from 2026-09-01 to 2026-09-30 (UTC) that have ended and are still stored.\n"
    )


def test_as_csv(operator: Operator) -> None:
    done = operator.run("usage", "--csv", "--by", "model", *SPAN)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["model"], row["tasks"], row["costUsd"]) for row in rows] == [
        (SONNET, "2", "5.0"),
        (HAIKU, "2", "0.75"),
    ]


def test_nothing_used_is_a_table_without_rows(operator: Operator) -> None:
    earlier = ("--from", "2025-01-01", "--to", "2025-01-31")
    done = operator.run("usage", "--csv", *earlier)
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    assert operator.run("usage", *earlier).stdout == f"PROJECT\t{COLUMNS}\n"


def test_pages_add_up(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = usage(operator, "--by", "agent")
    monkeypatch.setattr(reports, "LOOKED_AT", 1)
    assert usage(operator, "--by", "agent") == whole


def test_an_unknown_price_is_marked(operator: Operator, account: Account) -> None:
    task = created(account.store, NOW + 2 * DAY_MS)
    completed(account.store, task, NOW, Payload(inline="{}"), (Spent(1, "new", Usage(100, 50)),))
    done = operator.run("usage", "--from", "2026-09-23", "--to", "2026-09-23", "--project", PROJECT)
    assert done.stdout.splitlines()[1].endswith("\t$0.00+")
    assert "A plus means that the cost of some is unknown" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "September"), "--from takes a day such as 2026-11-28"),
        (("--from", "2026-10-01", "--to", "2026-09-01"), "--from"),
        (("--from", "2020-01-01"), "--from"),
        (("--agent", "zoe"), "--agent needs --project"),
        (("--project", "nobody"), "There is no project 'nobody'"),
        (("--project", PROJECT, "--agent", "nobody", *SPAN), "There is no agent nobody"),
        (("--csv", "--json"), "--csv and --json exclude each other"),
    ],
)
def test_bad_options_name_themselves(operator: Operator, options: tuple[str, ...], words: str) -> None:
    refused = operator.run("usage", *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert words in refused.stderr


def test_a_table_that_does_not_answer_is_no_part_of_a_report(operator: Operator, account: Account) -> None:
    account.calls.fail_nth("Query", 6, Fault.THROTTLED)
    refused = operator.run("usage", *SPAN)
    assert (refused.exit_code, refused.stdout) == (2, "")
