"""No alarm is active, and alarms have a receiver."""

import re
from collections.abc import Iterator
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SUBJECT, RECEIVERS = "Alarms", "Alarms' receivers"
KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
AT_ONCE = 100
_PAGE = re.compile(r"([a-z0-9-]+)\.md\s*$")
DEPLOY = "deploy.md"


def check_alarms(target: Target) -> Iterator[Finding]:
    if target.is_local:
        yield Finding.ok(SUBJECT, "the local stack has no alarms that notify")
        return
    alarms = _described(target)
    yield from _ringing(alarms)
    silenced = [alarm["AlarmName"] for alarm in alarms if _tells(alarm) and not alarm["ActionsEnabled"]]
    if silenced:
        remedy = f"aws cloudwatch enable-alarm-actions --alarm-names {' '.join(silenced)}"
        yield Finding.warning(RECEIVERS, f"silenced: {', '.join(silenced)}", remedy)
    yield from _receivers(target, sorted({topic for alarm in alarms for topic in alarm["AlarmActions"]}))


def _described(target: Target) -> list[Any]:
    client = target.deployment.account.client("cloudwatch")
    names = [name.rpartition(":")[2] for _, name in target.of_kind(*KINDS)]
    found: list[Any] = []
    for some in batched(names, AT_ONCE, strict=False):
        answer = client.describe_alarms(AlarmNames=list(some), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        found += answer.get("MetricAlarms", []) + answer.get("CompositeAlarms", [])
    return found


def _ringing(alarms: list[Any]) -> Iterator[Finding]:
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        words = " ".join(alarm.get("AlarmDescription", "").split())
        named = _PAGE.search(words)
        sentence = words.rpartition(" ")[0] if named else words
        kind = Finding.fault if _tells(alarm) else Finding.warning
        page = f"runbook/{named[1]}.md" if named else "runbook/index.md"
        yield kind(SUBJECT, f"{alarm['AlarmName']} is active: {sentence}", "Follow its page.", page)
    if not ringing:
        yield Finding.ok(SUBJECT, f"none of {len(alarms)} is active")


def _receivers(target: Target, topics: list[str]) -> Iterator[Finding]:
    kind = Finding.fault if target.is_production else Finding.warning
    remedy = "Deploy with AlarmEmail or AlarmTopicArn, and TicketEmail or TicketTopicArn for what can wait."
    if not topics:
        yield kind(RECEIVERS, "alarms notify nobody", remedy, DEPLOY)
    client = target.deployment.account.client("sns")
    for topic in topics:
        name = topic.rpartition(":")[2]
        try:
            subscriptions = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NotFound", "NotFoundException"):
                raise
            yield kind(RECEIVERS, f"{name} does not exist", remedy, DEPLOY)
            continue
        confirmed = [each for each in subscriptions if each["SubscriptionArn"].startswith("arn:")]
        if confirmed:
            yield Finding.ok(RECEIVERS, f"{name} notifies {len(confirmed)}")
        elif subscriptions:
            found = f"{name} notifies nobody: its e-mail subscription was not confirmed"
            yield kind(RECEIVERS, found, "Click the link in the e-mail that AWS has sent.", DEPLOY)
        else:
            yield kind(RECEIVERS, f"{name} notifies nobody", remedy, DEPLOY)


def _tells(alarm: Any) -> bool:
    return bool(alarm["AlarmActions"])
