"""Alarms that mean something: none rings on normal days, and each on the fault that it is there for.

The template's own definitions are evaluated, of the production environment, on metrics that are made up, and
on those that a simulated deployment publishes.
"""

import re
from dataclasses import replace
from typing import Any

import pytest

from local.preflight.target import Target
from local.tools import ROOT
from tests.alarms.deployment import Deployment
from tests.alarms.evaluation import ALARM, COMPOSITE, children, metrics_of, ringing
from tests.alarms.faults import BEGIN, FAULTS
from tests.alarms.metrics import MINUTES_A_DAY, Metrics
from tests.alarms.normal_days import normal_days
from tests.alarms.published import texts_of_the_code
from tests.load.working_day import working_day

GIVEN = {
    "DailySpendAlarmUsd": "1000",
    "AlarmEmail": "on-call@example.com",
    "TicketEmail": "team@example.com",
    "RunbookUrl": "https://example.com/runbook",
}
USD_A_MONTH_FOR_A_METRIC, USD_A_MONTH_FOR_A_COMPOSITE = 0.10, 0.50
"""us-east-1, standard resolution (CloudWatch's price list). A metric counts once for each alarm."""
AFTERNOON = 14
"""The hour of the simulated day in which most happens."""
MOST_METRICS = 10
"""Of an alarm (CloudWatch, "Metric math in alarms")."""


@pytest.fixture(scope="module")
def target() -> Target:
    production = Target.of_environment("prod")
    return replace(production, given={**production.given, **GIVEN})


@pytest.fixture(scope="module")
def deployment(target: Target) -> Deployment:
    return Deployment(target)


@pytest.fixture(scope="module")
def normal(deployment: Deployment) -> Metrics:
    return normal_days(deployment)


def alarms(target: Target) -> dict[str, dict[str, Any]]:
    return target.of_type(ALARM) | target.of_type(COMPOSITE)


def test_every_alarm_has_a_fault_and_every_fault_an_alarm(target: Target) -> None:
    assert set(FAULTS) == set(alarms(target))


def test_no_alarm_rings_on_normal_days(target: Target, normal: Metrics) -> None:
    """After the first day: an alarm on silence rings before there is anything to hear."""
    rings = {name: ringing(target, name, normal).count(True) for name in alarms(target)}

    late = {name: ringing(target, name, normal)[MINUTES_A_DAY:].count(True) for name in rings}
    assert {name: minutes for name, minutes in late.items() if minutes} == {}
    begun = {name for name, minutes in rings.items() if minutes}
    assert begun <= {"CleanupSilenceAlarm"}


def test_no_alarm_rings_on_days_of_what_a_simulated_hour_publishes(target: Target, normal: Metrics) -> None:
    """The hour has short overload and a worker that dies. What is not simulated is as on the made-up days."""
    metrics = normal.copy()
    hour = working_day(target, 1, begins_at=AFTERNOON)
    hour.repeated(metrics, minutes=60)

    own = hour.deployment.own
    assert sum(value for _, value in hour.samples[own("TasksCompleted")]) > 500
    assert hour.samples[own("ModelOverloaded")]
    assert any(value for _, value in hour.samples[hour.deployment.function("Errors", "Worker")])
    rings = {name: ringing(target, name, metrics)[MINUTES_A_DAY:].count(True) for name in alarms(target)}
    assert {name: minutes for name, minutes in rings.items() if minutes} == {}


def test_days_and_their_copy_change_apart(deployment: Deployment) -> None:
    metric, normal = deployment.own("TasksCompleted"), Metrics(2)
    normal.add(metric, 0, 1)

    first, second = normal.copy(), normal.copy()
    first.add(metric, 0, 1)
    second.drop(metric, range(1))
    normal.add(metric, 1, 5)

    assert [days.datapoints(metric, "Sum", 60) for days in (first, second, normal)] == [
        [2, None],
        [None, None],
        [1, 5],
    ]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_an_alarm_rings_on_its_fault_and_is_over_when_that_is(
    name: str, target: Target, deployment: Deployment, normal: Metrics
) -> None:
    fault = FAULTS[name](deployment)

    rings = ringing(target, name, fault.on(normal))

    assert not any(rings[MINUTES_A_DAY:BEGIN])
    assert any(rings[BEGIN : BEGIN + max(fault.minutes + 15, 2 * MINUTES_A_DAY // 3)])
    assert not rings[-1]


def test_a_lost_minute_of_everything_rings_nothing(target: Target, normal: Metrics) -> None:
    """Metrics come late, or a minute of them not at all."""
    metrics = normal.copy()
    for metric in metrics.known:
        metrics.drop(metric, range(BEGIN, BEGIN + 1))

    assert [name for name in alarms(target) if any(ringing(target, name, metrics)[MINUTES_A_DAY:])] == []


def test_what_an_alarm_watches_is_counted_by_the_code(target: Target) -> None:
    counted, own = texts_of_the_code(), f"A2ATasks/{target.stack_name}"
    watched = {
        metric for alarm in target.of_type(ALARM).values() for metric in metrics_of(alarm)
        if metric.namespace == own
    }  # fmt: skip

    assert {metric.name for metric in watched} - counted == set()
    codes = {value for metric in watched for key, value in metric.dimensions if key == "code"}
    assert codes - counted - set(Deployment(target).models().values()) == set()


def test_each_alarm_tells_one_of_two_receivers_when_it_begins_and_when_it_ends(target: Target) -> None:
    topics = {target.value({"Ref": "AlarmTopic"}), target.value({"Ref": "TicketTopic"})}
    composites = target.of_type(COMPOSITE).values()
    of_another = {name for composite in composites for name in children(target, composite)}

    for name, alarm in alarms(target).items():
        if name in of_another:  # one cause, one message
            assert "AlarmActions" not in alarm, name
            assert "OKActions" not in alarm, name
        else:
            assert len(alarm["AlarmActions"]) == 1, name
            assert set(alarm["AlarmActions"]) < topics, name
            assert alarm["OKActions"] == alarm["AlarmActions"], name


@pytest.mark.parametrize(
    ("given", "urgent", "patient"),
    [
        ({"AlarmEmail": "a@example.com"}, "a@example.com", "a@example.com"),
        ({"AlarmEmail": "a@example.com", "TicketEmail": "t@example.com"}, "a@example.com", "t@example.com"),
        ({"AlarmTopicArn": "arn:aws:sns:us-east-1:1:a", "TicketEmail": "t@example.com"},
         "arn:aws:sns:us-east-1:1:a", "t@example.com"),
        ({"AlarmTopicArn": "arn:aws:sns:us-east-1:1:a", "TicketTopicArn": "arn:aws:sns:us-east-1:1:t"},
         "arn:aws:sns:us-east-1:1:a", "arn:aws:sns:us-east-1:1:t"),
    ],
)  # fmt: skip
def test_who_is_given_is_told(target: Target, given: dict[str, str], urgent: str, patient: str) -> None:
    production = replace(target, given={"Stage": "prod", **given})

    def receiver(alarm: str) -> str:
        (topic,) = alarms(production)[alarm]["AlarmActions"]
        made = {production.value({"Ref": name}): name for name in production.of_type("AWS::SNS::Topic")}
        if topic not in made:
            return str(topic)
        (subscription,) = production.of_type("AWS::SNS::Topic")[made[topic]]["Subscription"]
        return str(subscription["Endpoint"])

    assert (receiver("SweeperAlarm"), receiver("TasksDeadLetteredAlarm")) == (urgent, patient)


def test_what_alarms_cost_is_what_operators_are_told(target: Target) -> None:
    metrics = [len(metrics_of(alarm)) for alarm in target.of_type(ALARM).values()]
    price = sum(metrics) * USD_A_MONTH_FOR_A_METRIC
    price += len(target.of_type(COMPOSITE)) * USD_A_MONTH_FOR_A_COMPOSITE

    assert max(metrics) <= MOST_METRICS
    told = re.findall(r"Alarms are (\d+\.\d\d)", (ROOT / "docs/first-deployment.md").read_text("utf-8"))
    assert told == [f"{price:.2f}"]


def test_the_emulator_is_given_no_alarm_that_it_does_not_know() -> None:
    local = Target.of_environment("local")

    assert local.of_type(COMPOSITE) == {}
    assert [name for name, alarm in local.of_type(ALARM).items() if "Metrics" in alarm] == []
    assert len(local.of_type(ALARM)) > 20
