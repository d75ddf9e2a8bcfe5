"""What only the operator can know, so that no repository holds it."""

from collections.abc import Iterator

from local.preflight.finding import Finding
from local.preflight.target import Target

ALARMS = "Alarms' receiver"
WORKSPACE = "Claude's workspace"


def check_operators_part(target: Target) -> Iterator[Finding]:
    where = f"to parameter_overrides of [{target.environment}.deploy.parameters] in samconfig.toml"
    yield from _alarm_receiver(target, where)
    if target.parameters.get("ClaudeBackend") == "claude-on-aws":
        if target.parameters.get("ClaudeWorkspaceId"):
            yield Finding.ok(WORKSPACE, f"{target.parameters['ClaudeWorkspaceId']}")
        else:
            remedy = f'Add "ClaudeWorkspaceId=wrkspc_…" {where}; its page in the console shows it.'
            yield Finding.needs_operator(
                WORKSPACE, "Claude on AWS is called for a workspace; none is set", remedy
            )


def _alarm_receiver(target: Target, where: str) -> Iterator[Finding]:
    topic, email = target.parameters.get("AlarmTopicArn"), target.parameters.get("AlarmEmail")
    if topic or email:
        yield Finding.ok(ALARMS, topic or f"{email} (AWS asks its owner to confirm)")
        return
    found = "nobody is told of an alarm"
    remedy = f'Add "AlarmEmail=you@example.com" or "AlarmTopicArn=arn:aws:sns:…" {where}.'
    if target.parameters.get("Stage") == "prod":
        yield Finding.needs_operator(ALARMS, found, remedy)
    else:
        yield Finding.ok(ALARMS, f"{found}; only production needs one")
