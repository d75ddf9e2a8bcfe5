"""Logs and metrics of every function that the run has used arrive."""

from tests.smoke import logs, metrics
from tests.smoke.check import expect
from tests.smoke.run import Run
from tests.smoke.tenant import A2A_VERSION, pong

METRICS = ("TasksCreated", "TasksCompleted", "NotificationsQueued", "WebhooksDelivered", "Sweeps")


def logged(run: Run) -> str:
    """A task's lines in the logs of its makers and its worker, under the id of the request that made it.
    ``messages`` and ``a2a`` run on a runtime of our own, which must write what it has at once."""
    tenant, began = run.tenant, logs.seconds_ago(1)
    body = {"message": pong(), "sessionId": tenant.session()}
    said = tenant.request("POST", f"{tenant.agent_path}/messages", json=body)
    expect(said.status_code in (200, 202), f"messages returned {said.status_code}: {said.text[:200]}")
    made = {
        "Api": tenant.submit(pong())["taskId"],
        "Messages": said.json()["taskId"],
        "A2A": _made_over_a2a(run),
    }
    for function, task_id in made.items():
        accepted = logs.awaited(run, function, task_id, began)
        worked = logs.awaited(run, "Worker", task_id, began)
        correlation_id = accepted.get("correlation_id")
        expect(bool(correlation_id), f"the line of {function} has no correlation_id: {accepted}")
        expect(
            worked.get("correlation_id") == correlation_id,
            f"the worker's line has correlation_id {worked.get('correlation_id')!r}, not {correlation_id!r}",
        )
        logs.awaited(run, function, "TasksCreated", began)
    return "api, messages and a2a: the task and its metric in their log, and the worker's under the same id"


def counted(run: Run) -> str:
    """Metrics that functions log appear in CloudWatch."""
    namespace = run.target.metric_namespace
    sums = {name: metrics.awaited(run, namespace, name, service="tasks") for name in METRICS}
    return f"{namespace}: " + ", ".join(f"{name} {value:.0f}" for name, value in sums.items())


def not_recursive(run: Run) -> str:
    """After twenty tasks of one conversation, which are a chain of as many invocations of the worker."""
    worker = run.target.function("Worker")
    invocations = metrics.awaited(run, "AWS/Lambda", "Invocations", FunctionName=worker)
    dropped = metrics.total(run, "AWS/Lambda", "RecursiveInvocationsDropped", FunctionName=worker) or 0.0
    expect(not dropped, f"Lambda dropped {dropped:.0f} invocations as recursive: RecursiveLoop must be Allow")
    return f"RecursiveInvocationsDropped is zero after {invocations:.0f} invocations of the worker"


def _made_over_a2a(run: Run) -> str:
    tenant = run.tenant
    message = {
        "messageId": tenant.session(),
        "contextId": tenant.session(),
        "role": "ROLE_USER",
        "parts": [{"text": pong()}],
    }
    answer = tenant.request(
        "POST",
        f"{tenant.agent_path}/v1/message:send",
        json={"message": message},
        headers={"A2A-Version": A2A_VERSION},
    )
    expect(answer.status_code == 200, f"message:send returned {answer.status_code}: {answer.text[:200]}")
    task_id: str = answer.json()["task"]["id"]
    return task_id
