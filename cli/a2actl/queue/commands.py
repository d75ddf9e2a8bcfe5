"""``a2actl queue``: show waiting messages; pause and resume work."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.concurrency.pause_watch import FRESH_MS
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.task import iso8601
from a2actl.deployment.stack import chosen_stack
from a2actl.queue.queues import WORKED
from a2actl.queue.triggers import DISABLED, ENABLED
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from a2actl.deployment.deployment import Deployment

app = typer.Typer(no_args_is_help=True, help="Show waiting messages; pause and resume work.")

MAX_REASON = 200
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("pause")
def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="The reason, shown by `queue stats`.", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Pause work: tasks are accepted and wait. Running tasks continue. Idempotent."""
    if len(reason) > MAX_REASON:
        raise Fault(f"--reason takes at most {MAX_REASON} characters, not {len(reason)}.")
    with chosen_stack(context).deployment() as deployment:
        # first what workers read: otherwise running workers would take messages for up to 15 minutes
        deployment.registry.start_pause(Pause(SystemClock().now(), reason))
        seen_by = deployment.triggers.monotonic() + FRESH_MS / 1000
        deployment.triggers.switch(_arns(deployment), DISABLED, note)
        deployment.triggers.sleep_until(seen_by)
        note("Work is paused: workers take no more messages.")
        _show(deployment, as_json=as_json)
    note(
        "Running tasks continue until their worker's invocation ends (15 minutes at most), and then wait too."
        " This counts as queue time: a task whose time ends before `a2actl queue resume` fails."
    )


@app.command("resume")
def resume(context: typer.Context, as_json: Json = False) -> None:
    """Resume work. Idempotent."""
    with chosen_stack(context).deployment() as deployment:
        # the other way round, workers would be started with messages that they refuse, and each refusal is a
        # receive that SQS counts
        was_paused = deployment.registry.end_pause()
        deployment.triggers.switch(_arns(deployment), ENABLED, note)
        _show(deployment, as_json=as_json)
    if was_paused:
        note("The sweeper sends messages again that SQS has deleted meanwhile (after four days).")


@app.command("stats")
def stats(context: typer.Context, as_json: Json = False) -> None:
    """Show whether work is paused, and how many messages wait."""
    with chosen_stack(context).deployment() as deployment:
        _show(deployment, as_json=as_json)


def _arns(deployment: "Deployment") -> list[str]:
    return [queue.arn for queue in deployment.task_queues.states() if queue.name in WORKED]


def _show(deployment: "Deployment", *, as_json: bool) -> None:
    paused, triggers = deployment.registry.pause(), deployment.triggers
    queues = [_described(state, triggers.states(state.arn)) for state in deployment.task_queues.states()]
    if as_json:
        since = None if paused is None else {"since": iso8601(paused.since), "reason": paused.reason}
        show_json({"paused": since, "queues": queues})
    else:
        show_fields([("Work", _told(paused))])
        rows = [[str(queue[name]) for name in queue] for queue in queues]
        show_table(("QUEUE", "WAITING", "IN FLIGHT", "DELAYED", "TRIGGER"), rows)
    wanted = ENABLED if paused is None else DISABLED
    if any(queue["name"] in WORKED and queue["trigger"] != wanted for queue in queues):
        command = "resume" if paused is None else "pause"
        note(f"The triggers should be {wanted}; run `a2actl queue {command}` again to fix this.")


def _described(state: Any, mappings: dict[str, str]) -> dict[str, str | int]:
    return {
        "name": state.name,
        "waiting": state.waiting,
        "inFlight": state.in_flight,
        "delayed": state.delayed,
        "trigger": ", ".join(sorted(set(mappings.values()))) or "none",
    }


def _told(paused: Pause | None) -> str:
    if paused is None:
        return "running"
    why = f" ({paused.reason})" if paused.reason else ""
    return f"paused since {iso8601(paused.since)}{why}"
