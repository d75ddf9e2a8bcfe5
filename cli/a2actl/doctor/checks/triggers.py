"""Checks that event sources and schedules are enabled."""

from collections.abc import Iterator

from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.task import iso8601
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SOURCES, SCHEDULES = "Event sources", "Schedules"
PAUSED = "runbook/tasks-wait.md"
CHANGING = ("Creating", "Enabling", "Updating")


def check_sources(target: Target) -> Iterator[Finding]:
    client = target.deployment.account.functions()
    states: dict[str, str] = {}
    for logical_id, uuid in target.of_kind("AWS::Lambda::EventSourceMapping"):
        mapping = client.get_event_source_mapping(UUID=uuid)
        states[logical_id] = mapping.get("State", "Enabled")
        if mapping.get("LastProcessingResult", "").startswith("PROBLEM"):
            found = f"{logical_id}: {mapping['LastProcessingResult']}"
            remedy = "Check the function's log and role; deploy again if it was changed manually."
            yield Finding.warning(SOURCES, found, remedy, "runbook/functions-fail.md")
    yield _sources(states, target.deployment.registry.pause())


def _sources(states: dict[str, str], pause: Pause | None) -> Finding:
    stopped = [name for name, state in states.items() if state in ("Disabled", "Disabling", "Deleting")]
    if pause is not None:
        why = f" ({pause.reason})" if pause.reason else ""
        found = f"work is paused since {iso8601(pause.since)}{why}; disabled: {', '.join(stopped) or 'none'}"
        return Finding.warning(SOURCES, found, "To resume work: a2actl queue resume", PAUSED)
    if stopped or not states:
        found = f"disabled: {', '.join(stopped)}" if stopped else "there are none"
        remedy = (
            "Run a2actl queue resume for those of the worker, or deploy again for others; no message is lost."
        )
        return Finding.fault(SOURCES, found, remedy, PAUSED)
    changing = [name for name, state in states.items() if state in CHANGING]
    if changing:
        return Finding.warning(SOURCES, f"being changed: {', '.join(changing)}", "Check again in a minute.")
    return Finding.ok(SOURCES, f"{len(states)} are enabled")


def check_schedules(target: Target) -> Iterator[Finding]:
    client = target.deployment.account.client("scheduler")
    states = {
        logical_id: client.get_schedule(Name=name)["State"]
        for logical_id, name in target.of_kind("AWS::Scheduler::Schedule")
    }
    stopped = [name for name, state in states.items() if state != "ENABLED"]
    if stopped or not states:
        found = f"disabled: {', '.join(stopped)}" if stopped else "there are none"
        remedy = "Enable them in EventBridge Scheduler's console, or deploy again."
        yield Finding.fault(SCHEDULES, found, remedy, "runbook/sweeper.md")
    else:
        yield Finding.ok(SCHEDULES, f"{len(states)} are enabled")
