"""Production has a receiver of alarms. Only the operator knows the address, so it is in no repository."""

from collections.abc import Iterator

from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Alarms' receiver"


def check_alarm_receiver(target: Target) -> Iterator[Finding]:
    """The receivers of urgent and of other alarms: an e-mail address for the first also gets the second."""
    given = target.parameters
    urgent = given.get("AlarmTopicArn") or given.get("AlarmEmail")
    patient = given.get("TicketTopicArn") or given.get("TicketEmail") or given.get("AlarmEmail")
    if given.get("Stage") != "prod" and not (urgent and patient):
        yield Finding.ok(SUBJECT, "some alarms notify nobody; only production requires it")
        return
    where = f"to parameter_overrides of [{target.environment}.deploy.parameters] in samconfig.toml"
    if not urgent:
        remedy = f'Add "AlarmEmail=you@example.com" or "AlarmTopicArn=arn:aws:sns:…" {where}.'
        yield Finding.needs_operator(SUBJECT, "alarms notify nobody", remedy)
    elif not patient:
        remedy = f'Add "TicketEmail=you@example.com" or "TicketTopicArn=arn:aws:sns:…" {where}.'
        yield Finding.needs_operator(SUBJECT, "alarms that can wait notify nobody", remedy)
    elif urgent == patient:
        yield Finding.ok(SUBJECT, urgent)
    else:
        yield Finding.ok(SUBJECT, f"{urgent}; for alarms that can wait: {patient}")
