"""The alarms' topics exist where alarms can reach them, and have a subscriber."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Alarms' topics"
TOPICS = ("AlarmTopic", "TicketTopic")


def check_alarm_topics(target: Target, account: Account) -> Iterator[Finding]:
    for name in TOPICS:
        yield from _check(name, target, account)


def _check(name: str, target: Target, account: Account) -> Iterator[Finding]:
    parameter = f"{name}Arn"
    given = target.parameters.get(parameter)
    made = account.stack.resources.get(name) if account.stack else None
    if given:
        region = given.split(":")[3] if given.count(":") >= 5 else ""
        if region != account.region:
            found = f"{given} is in {region or 'no region'}, but alarms only reach topics in {account.region}"
            yield Finding.fault(SUBJECT, found, f"Set {parameter} to a topic in {account.region}.")
            return
    topic = given or made
    if topic is None:
        yield Finding.ok(SUBJECT, f"{name} is created by this deployment")
        return
    try:
        attributes = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NotFound", "NotFoundException"}:
            raise
        yield Finding.fault(
            SUBJECT, f"there is no topic {topic}", f"Create it, or set {parameter} to another topic."
        )
        return
    if int(attributes.get("SubscriptionsConfirmed", 0)) == 0:
        found = f"{topic} has no confirmed subscription"
        yield Finding.warning(SUBJECT, found, "Confirm the subscription in the e-mail from AWS, or add one.")
    else:
        yield Finding.ok(SUBJECT, topic)
