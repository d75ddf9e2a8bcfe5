"""What cannot be processed: its way to the dead-letter queue, what becomes of its task, and an alarm."""

import json
import secrets

from tests.smoke import logs
from tests.smoke.check import Failed, Skipped, expect
from tests.smoke.run import Run

ALARM = "TasksDeadLetteredAlarm"
ALARM_SECONDS = 360
LATER_SECONDS = 3_600


def poisoned_message(run: Run) -> str:
    """One that names no task: the worker gives it back until SQS moves it, and the dead-letter function tells
    of it. Other checks come before it, since a source that gets only failures is asked less often."""
    began = logs.seconds_ago(1)
    sent = run.target.client("sqs").send_message(
        QueueUrl=run.target.output("TaskQueueUrl"),
        MessageBody=json.dumps({"smoke": secrets.token_hex(8)}),
        MessageGroupId=run.tenant.project_id,
    )
    logs.awaited(run, "DeadLetter", sent["MessageId"], began, run.time_limit.seconds)
    return f"through twenty deliveries to the dead-letter function in {run.time_limit.spent:.0f} s"


def dead_task(run: Run) -> str:
    """A task whose message lies in the dead-letter queue is left alive, since it has time left. It is put
    there by hand, since only a broken worker brings it there."""
    began = logs.seconds_ago(1)
    accepted = run.tenant.submit("Nobody will begin this.", delaySeconds=LATER_SECONDS)
    run.target.client("sqs").send_message(
        QueueUrl=run.target.output("TaskDeadLetterQueueUrl"),
        MessageBody=json.dumps({"agentId": run.tenant.agent_id, "taskId": accepted["taskId"]}),
        MessageGroupId=run.tenant.project_id,
    )
    logs.awaited(run, "DeadLetter", accepted["taskId"], began, run.time_limit.seconds)
    status = run.tenant.get(accepted)["status"]
    expect(status == "pending", f"it is {status}")
    run.tenant.cancel(accepted)
    return f"noted and left pending after {run.time_limit.spent:.1f} s"


def alarm(run: Run) -> str:
    """The dead task raises its alarm; five minutes later it is over by itself."""
    name = run.target.physical(ALARM)
    client = run.target.client("cloudwatch")

    def raised() -> str:
        found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        if found["StateValue"] != "ALARM":
            return ""
        changed: float = found["StateUpdatedTimestamp"].timestamp()
        if changed < run.started_at:
            raise Skipped(f"{name} has been in alarm since before the run")
        told = found.get("AlarmActions", [])
        if not found.get("ActionsEnabled", True):
            raise Failed(f"{name} is raised, but its actions are switched off")
        return f"raised; it tells {', '.join(told) or 'nobody: set AlarmEmail or AlarmTopicArn'}"

    return run.time_limit.until(raised, ALARM_SECONDS, f"the alarm {name}", every=10)
