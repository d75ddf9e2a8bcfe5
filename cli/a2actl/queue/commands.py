"""``a2actl queue``: how much waits, and the switch that has no more work taken."""

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

app = typer.Typer(no_args_is_help=True, help="How many tasks wait; stop taking work, and go on.")

MAX_REASON = 200
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("pause")
def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it next.", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Take no more work: tasks are accepted and wait. What runs goes on. Idempotent."""
    if len(reason) > MAX_REASON:
        raise Fault(f"--reason takes at most {MAX_REASON} characters, not {len(reason)}.")
    with chosen_stack(context).deployment() as deployment:
        # first what workers look at: without it those that run would go on taking messages for 15 minutes
        deployment.registry.start_pause(Pause(SystemClock().now(), reason))
        seen_by = deployment.triggers.monotonic() + FRESH_MS / 1000
        deployment.triggers.switch(_arns(deployment), DISABLED, note)
        deployment.triggers.sleep_until(seen_by)
        note("Workers take no more messages.")
        _show(deployment, as_json=as_json)
    note(
        "Running tasks go on, for as long as their worker lives (15 minutes at most), and then wait too."
        " Waiting counts as queue time: a task whose time is over before `a2actl queue resume` fails."
    )


@app.command("resume")
def resume(context: typer.Context, as_json: Json = False) -> None:
    """Take work again. Idempotent."""
    with chosen_stack(context).deployment() as deployment:
        # the other way round, workers would be started with messages that they refuse, and each refusal is a
        # receive that SQS counts
        was_paused = deployment.registry.end_pause()
        deployment.triggers.switch(_arns(deployment), ENABLED, note)
        _show(deployment, as_json=as_json)
    if was_paused:
        note("The sweeper sends messages again that SQS has dropped meanwhile (after four days).")


@app.command("stats")
def stats(context: typer.Context, as_json: Json = False) -> None:
    """Show whether work is taken, and how many messages wait."""
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
        note(f"The triggers should be {wanted}; repeat `a2actl queue {command}` to set that right.")


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
        return "is taken"
    why = f" ({paused.reason})" if paused.reason else ""
    return f"paused since {iso8601(paused.since)}{why}"
