"""No conditional write is misread when the SDK repeats it after a lost response.

Each method that writes is called once with its writes made once, and once with its writes made twice: it
must return the same, and leave the same. Where it may not, the table says why that is harmless, and
``test_sent_twice_harmless.py`` shows it.
"""

from collections import Counter
from typing import Any

import pytest

from tests.integration.contracts.sent_twice.write import Write, outcome_of, writing_methods
from tests.integration.contracts.sent_twice.writes_of_operators import OF_OPERATORS
from tests.integration.contracts.sent_twice.writes_of_processes import OF_PROCESSES
from tests.integration.contracts.sent_twice.writes_of_tasks import OF_TASKS
from tests.integration.contracts.sent_twice.writes_of_wecom import OF_WECOM
from tests.integration.support.account import Account

TABLE = [*OF_TASKS, *OF_PROCESSES, *OF_OPERATORS, *OF_WECOM]


def _named(writes: list[Write]) -> list[Any]:
    """With a number behind the name of a method that is there more than once."""
    seen = Counter[str]()
    named: list[Any] = []
    for write in writes:
        seen[write.method] += 1
        named.append(pytest.param(write, id=f"{write.method}-{seen[write.method]}"))
    return named


def test_no_method_that_writes_is_missing() -> None:
    assert {write.method for write in TABLE} == writing_methods()


@pytest.mark.parametrize("write", _named([write for write in TABLE if not write.harmless]))
def test_what_is_made_twice_is_what_is_made_once(account: Account, write: Write) -> None:
    once = outcome_of(write, account, is_repeated=False)

    assert outcome_of(write, account, is_repeated=True) == once


@pytest.mark.parametrize("write", _named([write for write in TABLE if write.harmless]))
def test_the_table_names_only_what_differs(account: Account, write: Write) -> None:
    once = outcome_of(write, account, is_repeated=False)

    assert outcome_of(write, account, is_repeated=True) != once
