"""The tables that are shown of a measurement."""

import pytest

from bench.bill.bill import task
from bench.bill.tables import RATES, break_even, of_a_month, of_a_task, of_kinds
from bench.bill.usage import Usage
from local.preflight.target import Target
from tests.unit.bench.measured import A_MINUTE, kind, measurement

KEY = Target("test", "a2a-tasks", {"Resources": {"Key": {"Type": "AWS::KMS::Key"}}}, {})
SHORT = measurement(short=kind())
SECONDS_A_MONTH = 730 * 3_600


def test_rows_by_service_add_up_to_the_whole_bill() -> None:
    table = of_a_task(SHORT)
    for column, rate in enumerate(RATES.values()):
        whole = Usage.sum(task(SHORT, SHORT.kinds["short"], rate).values()).usd * 1e6
        values = [values[column] for name, values in table.rows.items() if name != "sum"]
        assert table.rows["sum"][column] == pytest.approx(sum(values)) == pytest.approx(whole)


def test_a_service_that_costs_nothing_has_no_row() -> None:
    rows = of_a_task(SHORT).rows
    assert {"worker", "API Gateway", "DynamoDB"} <= rows.keys()
    assert "S3" not in rows


def test_kinds_are_shown_by_their_whole_bills() -> None:
    table = of_kinds(measurement(short=kind(), long=kind(seconds=60)))
    assert table.columns == tuple(RATES)
    assert table.rows["short"] == pytest.approx(of_a_task(SHORT).rows["sum"])
    assert table.rows["long"][0] > table.rows["short"][0]


def test_tasks_that_cost_as_much_as_something_else() -> None:
    (at_rest,) = of_a_month(SHORT, KEY).rows["sum"]
    each = of_kinds(SHORT).rows["short"][0] / 1e6
    usd = at_rest + A_MINUTE * SECONDS_A_MONTH * each
    assert break_even(SHORT, KEY, usd) == pytest.approx(A_MINUTE, rel=1e-3)
    assert break_even(SHORT, KEY, 1e9) == pytest.approx(100)
