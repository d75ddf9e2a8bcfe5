"""The topic that alarms go to exists where alarms can reach it, and somebody listens."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Alarms' topic"


def check_alarm_topic(target: Target, account: Account) -> Iterator[Finding]:
    given = target.parameters.get("AlarmTopicArn")
    made = account.stack.resources.get("AlarmTopic") if account.stack else None
    if given:
        region = given.split(":")[3] if given.count(":") >= 5 else ""
        if region != account.region:
            found = (
                f"{given} is in {region or 'no region'}, and alarms reach topics of {account.region} alone"
            )
            yield Finding.fault(SUBJECT, found, f"Set AlarmTopicArn to a topic in {account.region}.")
            return
    topic = given or made
    if topic is None:
        yield Finding.ok(SUBJECT, "none is there yet")
        return
    try:
        attributes = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NotFound", "NotFoundException"}:
            raise
        yield Finding.fault(
            SUBJECT, f"there is no topic {topic}", "Make it, or set AlarmTopicArn to another."
        )
        return
    if int(attributes.get("SubscriptionsConfirmed", 0)) == 0:
        found = f"nobody has confirmed a subscription to {topic}"
        yield Finding.warning(
            SUBJECT, found, "Confirm the one that AWS has sent by e-mail, or subscribe somebody."
        )
    else:
        yield Finding.ok(SUBJECT, topic)
