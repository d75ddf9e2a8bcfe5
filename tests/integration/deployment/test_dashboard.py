"""The dashboard answers its five questions with what is published, and shows alarms that tell somebody."""

import json
import re
from html import escape
from typing import Any

import pytest

from docs.generate.dashboard import PICTURE, widgets_of
from docs.generate.panels import lines_of
from docs.generate.searches import MOST_CHARACTERS, Search
from local.preflight.target import Target
from tests.alarms.deployment import FUNCTIONS, Deployment
from tests.alarms.evaluation import ALARM, COMPOSITE
from tests.alarms.metrics import Metric
from tests.alarms.published import texts_of_the_code

QUESTIONS = [
    "Are tasks ending in time?",
    "Where do tasks wait?",
    "How does Claude respond?",
    "What does it cost?",
    "What is broken?",
]
WIDTH = 24
MOST_WIDGETS, MOST_METRICS_OF_A_WIDGET = 500, 500
"""CloudWatch's quotas for a dashboard."""
FREE_METRICS = 50
"""Of one dashboard, where it is among the account's first three (https://aws.amazon.com/cloudwatch/pricing)."""


@pytest.fixture(scope="module", params=["local", "dev", "prod"])
def target(request: pytest.FixtureRequest) -> Target:
    return Target.of_environment(str(request.param))


@pytest.fixture
def widgets(target: Target) -> list[dict[str, Any]]:
    (dashboard,) = target.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def metrics_of(widget: dict[str, Any]) -> list[Metric]:
    """Those that are named; a search finds its own."""
    named = [item for item in widget["properties"]["metrics"] if isinstance(item[0], str)]
    found = []
    for namespace, name, *rest in named:
        dimensions = [part for part in rest if isinstance(part, str)]
        found.append(Metric.of(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True))))
    return found


def test_it_asks_five_questions(widgets: list[dict[str, Any]]) -> None:
    texts = [item["properties"]["markdown"] for item in widgets if item["type"] == "text"]

    assert [text.partition("\n")[0] for text in texts] == [f"## {question}" for question in QUESTIONS]


def searches_of(widgets: list[dict[str, Any]]) -> list[Search]:
    expressions = re.findall(r'"expression": "((?:[^"\\]|\\.)*)"', json.dumps(widgets))
    found = [Search.parsed(json.loads(f'"{expression}"')) for expression in expressions]
    return [search for search in found if search is not None]


def test_it_costs_nothing(widgets: list[dict[str, Any]]) -> None:
    """Where each of its lines is counted; what a search finds changes by the day."""
    lines = [line for item in widgets if item["type"] == "metric" for line in item["properties"]["metrics"]]

    assert len(lines) < FREE_METRICS
    assert json.dumps(lines).count("SEARCH") == len(searches_of(widgets))


def test_no_search_is_longer_than_cloudwatch_takes(widgets: list[dict[str, Any]]) -> None:
    """Also in a stack whose name is as long as may be."""
    assert [search.query for search in searches_of(widgets) if len(search.query) > MOST_CHARACTERS] == []


def test_no_two_widgets_lie_on_each_other(widgets: list[dict[str, Any]]) -> None:
    assert len(widgets) <= MOST_WIDGETS
    taken: set[tuple[int, int]] = set()
    for item in widgets:
        cells = {
            (x, y)
            for x in range(item["x"], item["x"] + item["width"])
            for y in range(item["y"], item["y"] + item["height"])
        }
        assert not cells & taken, item["properties"].get("title")
        assert max(x for x, _ in cells) < WIDTH
        taken |= cells


def test_each_widget_shows_what_somebody_publishes(target: Target, widgets: list[dict[str, Any]]) -> None:
    deployment, own = Deployment(target), f"A2ATasks/{target.stack_name}"
    queues = {target.value({"Fn::GetAtt": [name, "QueueName"]}) for name in target.of_type("AWS::SQS::Queue")}
    functions = {target.value({"Ref": f"{name}Function"}) for name in FUNCTIONS}
    tables = {target.value({"Ref": name}) for name in target.of_type("AWS::DynamoDB::Table")}
    for item in (item for item in widgets if item["type"] == "metric"):
        shown = metrics_of(item)
        assert shown or "SEARCH" in json.dumps(item), item["properties"]["title"]
        assert len(shown) <= MOST_METRICS_OF_A_WIDGET
        for metric in shown:
            dimensions = dict(metric.dimensions)
            if metric.namespace == own:
                assert metric == deployment.own(metric.name)
            assert dimensions.get("QueueName", next(iter(queues))) in queues
            assert dimensions.get("FunctionName", next(iter(functions))) in functions
            assert dimensions.get("TableName", next(iter(tables))) in tables


def test_each_metric_of_the_stack_is_one_that_the_code_counts(
    target: Target, widgets: list[dict[str, Any]]
) -> None:
    own = f"A2ATasks/{target.stack_name}"
    shown = {
        metric.name for item in widgets if item["type"] == "metric" for metric in metrics_of(item)
        if metric.namespace == own
    }  # fmt: skip
    searched = set(re.findall(r'MetricName="(\w+)"', json.dumps(widgets).replace("\\", "")))

    of_aws = {"Errors", "Throttles", "ApproximateNumberOfMessagesVisible"}
    of_aws |= {"ReadThrottleEvents", "WriteThrottleEvents"}
    assert searched > of_aws
    assert len(searched - of_aws) == 5
    assert (shown | searched - of_aws) - texts_of_the_code() == set()


def test_the_picture_shows_each_widget(target: Target, widgets: list[dict[str, Any]]) -> None:
    picture = PICTURE.read_text("utf-8")
    assert len(picture) < 200_000
    titles = [item["properties"]["title"] for item in widgets if item["type"] == "metric"]
    assert [title for title in titles if f">{escape(title)}</text>" not in picture] == []
    assert widgets_of(target) == widgets


PANEL = {"stat": "Sum", "period": 60}
SEARCH = {"expression": "SEARCH('{Own,service,code} MetricName=\"Failed\"', 'Sum')"}
SAMPLES = {
    Metric.of("Own", "Cost", {"service": "tasks"}): [(0, 1.0), (1, 2.0), (200, 4.0), (3_700, 8.0)],
    Metric.of("Own", "Created", {"service": "tasks"}): [(0, 2.0), (200, 1.0)],
    Metric.of("Own", "Failed", {"service": "tasks", "code": "TIMEOUT"}): [(0, 1.0)],
    Metric.of("Own", "Failed", {"service": "tasks"}): [(0, 1.0)],
}


def named(name: str, **options: Any) -> list[Any]:
    return ["Own", name, "service", "tasks", options]


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([named("Cost")], {"Cost": {0: 3, 1: 4, 20: 8}}),
        ([named("Cost", stat="Maximum")], {"Cost": {0: 2, 1: 4, 20: 8}}),
        ([named("Cost", stat="p95")], {"Cost p95": {0: 2, 1: 4, 20: 8}}),
        ([named("Cost", period=3_600)], {"Cost": {0: 3, 1: 7, 20: 8}}),
        ([[SEARCH]], {"TIMEOUT": {0: 1}}),
        ([[{"expression": SEARCH["expression"].replace("d\"'", "d\" code=(\"OTHER\" OR \"TIMEOUT\")'")}]],
         {"TIMEOUT": {0: 1}}),
        ([[{"expression": SEARCH["expression"].replace("d\"'", "d\" code=(\"OTHER\")'")}]], {}),
        ([named("Unheard")], {}),
        ([[{"expression": "100 * c", "label": "x"}], named("Cost", id="c", visible=False)],
         {"x": {0: 300, 1: 400, 20: 800}}),
        ([[{"expression": "c / m", "label": "x"}], named("Cost", id="c", visible=False),
          named("Created", id="m", visible=False)], {"x": {0: 1.5, 1: 4}}),
    ],
)  # fmt: skip
def test_the_picture_shows_what_cloudwatch_would(metrics: list[Any], expected: dict[str, Any]) -> None:
    lines = lines_of({**PANEL, "metrics": metrics}, SAMPLES)

    assert {line.label: line.points for line in lines} == expected


def test_what_the_picture_cannot_show_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="RATE"):
        lines_of({**PANEL, "metrics": [[{"expression": "RATE(m)"}]]}, SAMPLES)


def test_each_function_is_shown_to_fail(target: Target, widgets: list[dict[str, Any]]) -> None:
    deployment, searches = Deployment(target), searches_of(widgets)

    for name in ("Errors", "Throttles"):
        for function in FUNCTIONS:
            metric = deployment.function(name, function)
            assert any(search.finds(metric) for search in searches), metric


def test_each_dead_letter_queue_and_table_is_shown(target: Target, widgets: list[dict[str, Any]]) -> None:
    shown = {value for search in searches_of(widgets) for value in search.values}
    queues = {target.value({"Fn::GetAtt": [name, "QueueName"]}) for name in target.of_type("AWS::SQS::Queue")}

    assert {queue for queue in queues if "DeadLetter" in queue} <= shown
    assert {target.value({"Ref": name}) for name in target.of_type("AWS::DynamoDB::Table")} <= shown


def test_each_alarm_that_tells_somebody_is_shown(target: Target, widgets: list[dict[str, Any]]) -> None:
    """Where it is made in any case; an alarm on spending is made if a sum is given."""
    (widget,) = [item for item in widgets if item["type"] == "alarm"]
    telling = [
        name for name, alarm in (target.of_type(ALARM) | target.of_type(COMPOSITE)).items()
        if "AlarmActions" in alarm
    ]  # fmt: skip

    expected = {target.value({"Fn::GetAtt": [name, "Arn"]}) for name in telling}
    assert set(widget["properties"]["alarms"]) == (
        set() if target.parameters["Stage"] == "local" else expected
    )
