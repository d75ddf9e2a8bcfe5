"""A task from end to end, many tasks of one conversation, and their deletion."""

from tests.smoke.check import Failed, expect
from tests.smoke.run import Run
from tests.smoke.tenant import pong

MANY = 20
"""More than the about 16 times that Lambda lets a function reach itself through its queue by default."""
HOUR_SECONDS = 3_600


def one_task(run: Run) -> str:
    task = run.tenant.completed(run.time_limit, run.tenant.submit(pong()))
    usage, result = task.get("usage", {}), task["output"]["result"]
    expect("pong" in result.lower(), f"the result was {result[:100]!r}")
    expect(usage.get("outputTokens", 0) > 0, f"the task's usage is {usage}")
    cost = f", {usage['costUsd']:.6f} USD" if "costUsd" in usage else ""
    return f"completed after {run.time_limit.spent:.1f} s; {usage['outputTokens']} tokens out{cost}"


def twenty_of_one_conversation(run: Run) -> str:
    session = run.tenant.session()
    accepted = [run.tenant.submit(pong(), sessionId=session) for _ in range(MANY)]

    def ended() -> int:
        return sum(1 for task in run.tenant.tasks() if task.get("sessionId") == session and _is_over(task))

    run.time_limit.until(lambda: ended() == MANY, run.time_limit.seconds, f"the end of {MANY} tasks")
    tasks = [run.tenant.get(one) for one in accepted]
    others = [f"{task['taskId']} {task['status']}" for task in tasks if task["status"] != "completed"]
    expect(not others, f"not completed: {', '.join(others)}")
    return f"{MANY} completed one after another in {run.time_limit.spent:.0f} s"


def deleted_conversation(run: Run) -> str:
    """By invoking clean-up; with FULL=1 another check waits for its hourly run."""
    accepted = _forgotten(run)
    report = run.target.invoke("Cleanup")
    _gone(run, accepted, 30)
    return f"deleted by a clean-up of {report['tasks']} tasks"


def hourly_cleanup(run: Run) -> str:
    accepted = _forgotten(run)
    _gone(run, accepted, HOUR_SECONDS + 300)
    return f"deleted by the schedule after {run.time_limit.spent / 60:.0f} minutes"


def _forgotten(run: Run) -> dict[str, str]:
    """A task whose conversation has been deleted."""
    session = run.tenant.session()
    accepted = run.tenant.submit(pong(), sessionId=session)
    run.tenant.completed(run.time_limit, accepted)
    answer = run.tenant.request("DELETE", f"{run.tenant.agent_path}/contexts/{session}")
    expect(answer.status_code == 200, f"deleting the conversation returned {answer.status_code}")
    return accepted


def _gone(run: Run, accepted: dict[str, str], seconds: float) -> None:
    def gone() -> bool:
        answer = run.tenant.request("GET", accepted["checkUrl"])
        if answer.status_code not in (200, 404):
            raise Failed(f"the task returned {answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 404

    run.time_limit.until(
        gone, seconds, f"the deletion of task {accepted['taskId']}", every=min(10, seconds / 6)
    )


def _is_over(task: dict[str, str]) -> bool:
    return task["status"] in ("completed", "failed", "canceled")
