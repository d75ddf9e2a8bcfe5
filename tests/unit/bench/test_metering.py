"""What is counted of a function's process is what AWS charges for."""

import json

import pytest

from bench.support.dynamodb_units import Index, item_bytes
from bench.support.metering import Log, requests_of

LIST = Index(("listShard", "pk"), ("endedAs",))
METRIC = {
    "_aws": {"CloudWatchMetrics": [{"Dimensions": [["service"]], "Metrics": [{"Name": "TasksCreated"}]}]},
    "service": "tasks",
    "TasksCreated": [1.0],
}


def test_lines_of_a_log_are_counted_once_they_are_whole() -> None:
    log = Log()
    log.write("one\ntw")
    assert log.take() == {"lines": 1, "bytes": 3, "metrics": []}
    log.write("ö\n")
    assert log.take() == {"lines": 1, "bytes": 4, "metrics": []}


def test_a_line_in_the_embedded_format_is_a_metric_too() -> None:
    log = Log()
    log.write(json.dumps(METRIC) + "\n")
    assert log.take()["metrics"] == ["TasksCreated service=tasks"]


@pytest.mark.parametrize(("characters", "requests"), [(0, 1), (65_536, 1), (65_537, 2)])
def test_sqs_bills_long_messages_as_several_requests(characters: int, requests: int) -> None:
    assert requests_of({"MessageBody": "m" * characters}) == requests
    assert requests_of({"Entries": [{"MessageBody": "m" * characters}]}) == requests


def test_an_item_has_the_size_that_the_developer_guide_says() -> None:
    item = {"pk": {"S": "äb"}, "n": {"N": "12345"}, "m": {"M": {"a": {"BOOL": True}}}}
    assert item_bytes(item) == (2 + 3) + (1 + 4) + (1 + 3 + 1 + (1 + 1))


def test_an_index_is_written_only_where_its_entry_changes() -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "listShard": {"S": "1"}}
    assert LIST.writes({}, item) == 1
    assert LIST.writes(item, item | {"more": {"S": "x"}}) == 0
    assert LIST.writes(item, item | {"endedAs": {"S": "completed"}}) == 1
    assert LIST.writes(item, item | {"listShard": {"S": "2"}}) == 2
    assert LIST.writes({}, {"pk": {"S": "a"}}) == 0


def test_an_entry_is_stored_without_what_is_not_in_it() -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "listShard": {"S": "1"}, "text": {"S": "x" * 1_000}}
    assert LIST.stored_bytes(item) == item_bytes(item) - len("text") - 1_000 + 100
    assert LIST.stored_bytes({"pk": {"S": "a"}}) == 0
