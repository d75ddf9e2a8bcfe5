"""Production has somebody who is told of alarms. Only the operator knows who, so no repository has it."""

from collections.abc import Iterator

from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Alarms' receiver"


def check_alarm_receiver(target: Target) -> Iterator[Finding]:
    topic, email = target.parameters.get("AlarmTopicArn"), target.parameters.get("AlarmEmail")
    if topic or email:
        yield Finding.ok(SUBJECT, topic or f"{email} (AWS asks its owner to confirm)")
    elif target.parameters.get("Stage") != "prod":
        yield Finding.ok(SUBJECT, "nobody is told of an alarm; only production needs somebody")
    else:
        where = f"to parameter_overrides of [{target.environment}.deploy.parameters] in samconfig.toml"
        remedy = f'Add "AlarmEmail=you@example.com" or "AlarmTopicArn=arn:aws:sns:…" {where}.'
        yield Finding.needs_operator(SUBJECT, "nobody is told of an alarm", remedy)
