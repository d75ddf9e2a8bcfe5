"""A task's notifications reach a receiver, signed with the project's secret."""

import json

from standardwebhooks import Webhook, WebhookVerificationError

from tests.smoke.check import Failed, expect
from tests.smoke.receiver import Received
from tests.smoke.run import Run
from tests.smoke.tenant import pong

TOKEN = "smoke-token"


def delivered(run: Run) -> str:
    url = run.receiver.url(run.time_limit)
    accepted = run.tenant.submit(pong(), pushNotificationConfig={"url": url, "token": TOKEN})
    run.tenant.completed(run.time_limit, accepted)
    ended = run.time_limit.clock()

    def told() -> Received | None:
        return next((one for one in run.receiver.received() if _is_end_of(one, accepted["taskId"])), None)

    request = run.time_limit.until(told, 90, "a notification that the task has completed")
    assert request is not None
    expect(request.headers.get("x-a2a-notification-token") == TOKEN, "the notification lacks its token")
    _verify(run, request)
    waited = run.time_limit.clock() - ended
    return f"notified of the end, signed and with its token, {waited:.1f} s after a poll saw it"


def _verify(run: Run, request: Received) -> None:
    deployment = run.target.deployment
    secret = deployment.webhook_secrets.read(run.tenant.project_id)
    if secret is None:
        raise Failed("the project has no signing secret")
    try:
        Webhook(secret.current).verify(request.body, request.headers)
    except WebhookVerificationError as error:
        raise Failed(f"the notification's signature is wrong: {error}") from None


def _is_end_of(request: Received, task_id: str) -> bool:
    task = json.loads(request.body).get("task", {})
    is_completed: bool = task.get("status", {}).get("state") == "TASK_STATE_COMPLETED"
    return is_completed and task.get("id") == task_id
