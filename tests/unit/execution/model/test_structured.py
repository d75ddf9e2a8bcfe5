"""What of a model's answer becomes the task's data."""

from typing import Any

import pytest

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.execution.model import structured

ANY: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Sure! {}", "it is not valid JSON"),
        ("", "it is not valid JSON"),
        ("[NaN]", "it is not valid JSON"),
        ("[" * 100_000, "it is nested more than 32 levels deep; nest it less"),
        (f"[{'0,' * 100_000}0]", "it has more than 100000 values; send less at once"),
        ("[1e999]", "it contains a number that is too large"),
        ('["\\ud800"]', "it contains half of a surrogate pair, which is not text"),
    ],
)
def test_what_callers_could_not_be_given_is_no_data(text: str, problem: str) -> None:
    asked = "The model's answer does not fit the agent's outputSchema"
    assert structured.parse(text, ANY) == Failure(FailureCode.EXECUTION_ERROR, f"{asked}: {problem}.")
