"""``a2actl dlq``: show dead letters, send them again or delete them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from a2a_tasks.adapters.system import SystemClock
from a2actl.agents.commands import AsJson
from a2actl.dead_letters import view
from a2actl.dead_letters.queues import ALL, QueueName
from a2actl.dead_letters.selection import Selection
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.amount import counted
from a2actl.terminal.confirm import Yes, confirm
from a2actl.terminal.duration import format_elapsed
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json, show_table
from a2actl.terminal.progress import progress

if TYPE_CHECKING:
    from a2actl.dead_letters.queue import DeadLetterQueue, DeadMessage
    from a2actl.deployment.deployment import Deployment

app = typer.Typer(no_args_is_help=True, help="Show dead letters, send them again or delete them.")

Queue = Annotated[
    QueueName, typer.Argument(metavar="QUEUE", help=f"One of {', '.join(QueueName)}.", show_default=False)
]
Ids = Annotated[
    list[str] | None, typer.Option("--id", metavar="ID", help="Only this message, by its id in `dlq show`.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Maximum number.")]
Every = Annotated[bool, typer.Option("--all", help="All messages.")]


@app.command("list")
def list_queues(context: typer.Context, as_json: AsJson = False) -> None:
    """List the dead-letter queues: how many messages, and how old the oldest is."""
    from a2actl.dead_letters.age import oldest_age

    now = SystemClock().now()
    rows: list[dict[str, Any]] = []
    with chosen_stack(context).deployment() as deployment:
        for name, letters in ALL.items():
            queue = deployment.dead_letters(name)
            state = queue.state()
            age = oldest_age(queue, state, deployment.account.client("cloudwatch"), now)
            rows.append(
                {
                    "queue": name.value,
                    "messages": state.waiting,
                    "inFlight": state.in_flight,
                    "oldestSeconds": None if age is None else round(age),
                    "canRedrive": bool(letters.sources),
                    "holds": letters.holds,
                    "runbook": f"docs/runbook/{letters.page}.md",
                }
            )
    if as_json:
        show_json(rows)
        return
    show_table(
        ("QUEUE", "MESSAGES", "IN FLIGHT", "OLDEST", "HOLDS", "RUNBOOK"),
        [
            (
                row["queue"],
                str(row["messages"]),
                str(row["inFlight"]),
                "–" if row["oldestSeconds"] is None else format_elapsed(row["oldestSeconds"]),
                row["holds"],
                row["runbook"],
            )
            for row in rows
        ],
    )


@app.command("show")
def show(
    context: typer.Context,
    queue: Queue,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Maximum number.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="Whole messages, with --json.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show messages without removing them; while it reads, other consumers do not see them."""
    with chosen_stack(context).deployment() as deployment:
        found = _looked_at(deployment.dead_letters(queue), limit)
    if as_json:
        show_json([view.to_json(message, full=full) for message in found])
        return
    show_table(view.COLUMNS, [view.row(message) for message in found])
    if advice := ALL[queue].advice:
        note(advice)


@app.command("redrive")
def redrive(
    context: typer.Context,
    queue: Queue,
    ids: Ids = None,
    every: Every = False,
    limit: Limit = None,
) -> None:
    """Send messages to their original queue again. If it is interrupted, no message is lost."""
    if not ALL[queue].sources:
        raise Fault(f"Messages of {queue.value} cannot be sent again. {ALL[queue].advice}")
    selection = Selection.of(ids, every=every, limit=limit)
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        dead = deployment.dead_letters(queue)
        moved = None if stack.is_emulated or not selection.is_whole else _moved_by_sqs(deployment, queue)
        if moved is None:
            moved = _each(dead, selection, dead.send_again, "sent again")
    typer.echo(f"{queue.value}: {counted(moved, 'message')} sent again.")


@app.command("drop")
def drop(
    context: typer.Context,
    queue: Queue,
    ids: Ids = None,
    every: Every = False,
    limit: Limit = None,
    yes: Annotated[bool, Yes] = False,
) -> None:
    """Delete messages permanently, after confirmation. Messages that arrive meanwhile stay."""
    selection = Selection.of(ids, every=every, limit=limit)
    with chosen_stack(context).deployment() as deployment:
        dead = deployment.dead_letters(queue)
        confirm(f"Drop {selection.words(dead.state().messages)} of {queue.value} permanently?", yes=yes)
        dropped = _each(dead, selection, dead.drop, "dropped")
    typer.echo(f"{queue.value}: {counted(dropped, 'message')} dropped.")


def _looked_at(queue: "DeadLetterQueue", limit: int) -> list["DeadMessage"]:
    found: list[DeadMessage] = []
    with closing(queue.messages()) as messages:
        try:
            found += islice(messages, limit)
        finally:
            queue.show([message.receipt for message in found])
    return found


def _each(
    queue: "DeadLetterQueue", selection: Selection, do: "Callable[[DeadMessage], None]", what: str
) -> int:
    """Do it to each message that was selected; how many. The others are visible again afterwards."""
    done = 0
    with (
        _passing_over(queue) as passed_over,
        progress(what, queue.state().waiting) as advance,
        closing(queue.messages()) as messages,
    ):
        for message in messages:
            if not selection.has(message):
                passed_over.append(message.receipt)
                continue
            do(message)
            done += 1
            advance(done, None)
            if selection.is_done(done):
                break
    if missing := len(selection.ids) - done if selection.limit is None else 0:
        note(f"Not found: {missing} of the ids; another consumer may hold the message for up to ten minutes.")
    return done


@contextmanager
def _passing_over(queue: "DeadLetterQueue") -> Iterator[list[str]]:
    """Receipts of messages that are visible to others again, whatever happens in the block."""
    receipts: list[str] = []
    try:
        yield receipts
    finally:
        queue.show(receipts)


def _moved_by_sqs(deployment: "Deployment", name: QueueName) -> int | None:
    """How many messages SQS has moved; None if it does not move those of this queue."""
    from a2actl.dead_letters.moving import MessageMove, NotSupported

    queue = deployment.dead_letters(name)
    arns = [deployment.queue_arn(url) for url in queue.source_urls]
    # of several, each message goes back to its own
    destination = arns[0] if len(arns) == 1 else None
    move = MessageMove(deployment.account.sqs(), deployment.queue_arn(queue.url), destination)
    try:
        with progress("sent again") as advance:
            return move.run(advance)
    except NotSupported:
        return None
    except KeyboardInterrupt:
        note("SQS continues to move the messages; run the same command to follow it.")
        raise typer.Exit(130) from None
