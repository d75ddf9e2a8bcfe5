"""Messages that cannot be processed: the dead-letter queue, their tasks, and an alarm."""

import json
import secrets

from tests.smoke import logs
from tests.smoke.check import Failed, Skipped, expect
from tests.smoke.run import Run

ALARM = "TasksDeadLetteredAlarm"
ALARM_SECONDS = 360
LATER_SECONDS = 3_600


def poisoned_message(run: Run) -> str:
    """A message that names no task: the worker returns it until SQS moves it, and the dead-letter function
    logs it. Other checks come before it, since Lambda polls a source less often if all its messages fail."""
    began = logs.seconds_ago(1)
    sent = run.target.client("sqs").send_message(
        QueueUrl=run.target.output("TaskQueueUrl"),
        MessageBody=json.dumps({"smoke": secrets.token_hex(8)}),
        MessageGroupId=run.tenant.project_id,
    )
    logs.awaited(run, "DeadLetter", sent["MessageId"], began, run.time_limit.seconds)
    return (
        f"delivered twenty times, then handled by the dead-letter function, in {run.time_limit.spent:.0f} s"
    )


def dead_task(run: Run) -> str:
    """A task whose message is in the dead-letter queue stays alive, since it has time left. The check puts
    the message there, since only a broken worker would cause that."""
    began = logs.seconds_ago(1)
    accepted = run.tenant.submit("No worker will start this.", delaySeconds=LATER_SECONDS)
    run.target.client("sqs").send_message(
        QueueUrl=run.target.output("TaskDeadLetterQueueUrl"),
        MessageBody=json.dumps({"agentId": run.tenant.agent_id, "taskId": accepted["taskId"]}),
        MessageGroupId=run.tenant.project_id,
    )
    logs.awaited(run, "DeadLetter", accepted["taskId"], began, run.time_limit.seconds)
    status = run.tenant.get(accepted)["status"]
    expect(status == "pending", f"it is {status}")
    run.tenant.cancel(accepted)
    return f"logged, and still pending, after {run.time_limit.spent:.1f} s"


def alarm(run: Run) -> str:
    """The dead task raises its alarm, which ends by itself five minutes later."""
    name = run.target.physical(ALARM)
    client = run.target.client("cloudwatch")

    def raised() -> str:
        found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        if found["StateValue"] != "ALARM":
            return ""
        changed: float = found["StateUpdatedTimestamp"].timestamp()
        if changed < run.started_at:
            raise Skipped(f"{name} was already active before the run")
        told = found.get("AlarmActions", [])
        if not found.get("ActionsEnabled", True):
            raise Failed(f"{name} is active, but its actions are disabled")
        return f"active; it notifies {', '.join(told) or 'nobody: set AlarmEmail or AlarmTopicArn'}"

    return run.time_limit.until(raised, ALARM_SECONDS, f"the alarm {name}", every=10)
