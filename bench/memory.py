"""Memory of a worker's process that holds ten conversations of 200,000 tokens at the same time.

The built worker runs in a process of its own, on the emulator's Python; the emulator and the stand-in are
other processes. The conversations grow in an earlier process, which hands them over after each turn, so the
one that is measured reads them back from their records in S3, and sends them whole, twice: once for the last
long reply, and once for an answer that is streamed to all ten at the same time. Each holds an emoji, for
which Python takes four bytes for every character of the request. Lambda's own runtime is not in the figures.
"""

from bench.report import step, table
from bench.support.built_function import BuiltFunction
from bench.support.event_source import EventSource
from bench.support.running_function import RunningFunction
from local.deployed import Project
from tests.integration.support.template import resource_properties

CONVERSATIONS = 10
TURNS = 5
CHARACTERS = 160_000
"""A turn's reply: with five of them, 200,000 tokens of four characters."""
ANSWER_CHARACTERS = 64_000
"""As long as the default of 16,000 tokens for a reply allows."""
ANSWER_SECONDS = 8
TO_THE_END_MS = 900_000
ONE_TURN_MS = 59_000
"""So little time is left that the worker hands over after a turn."""
MARKER = "memory-"


def run(project: Project) -> None:
    """Print the table."""
    built = BuiltFunction.of(project.deployed, "WorkerFunction")
    source = EventSource.of(project.deployed)
    with source.disabled():
        with step(f"Have {CONVERSATIONS} long conversations"):
            accepted = [
                project.submit(_message(n), f"{project.project_id}-toolbox") for n in range(CONVERSATIONS)
            ]
            with RunningFunction.of(built) as worker:
                for _ in range(TURNS - 1):
                    worker.handle(source.receive(CONVERSATIONS), ONE_TURN_MS)
        with step("Go on with all of them in one process"), RunningFunction.of(built) as worker:
            loaded = worker.loaded_mb
            first = worker.handle(source.receive(CONVERSATIONS), ONE_TURN_MS).peak_mb
            second = worker.handle(source.receive(CONVERSATIONS), TO_THE_END_MS).peak_mb
    for task in accepted:
        ended = project.get(task)
        if (ended["status"], ended["usage"]["turns"]) != ("completed", TURNS + 1):
            raise RuntimeError(f"a task did not end as it should: {ended}")
    _print(project, loaded, first, second)


def _message(n: int) -> str:
    steps = (
        f'size={CHARACTERS}; tool=Glob:{{"pattern": "*"}}; repeat={TURNS}',
        f"size={ANSWER_CHARACTERS}; delay={ANSWER_SECONDS}",
    )
    return f"[[standin: {' | '.join(steps)}]] {MARKER}{n} 🙂"


def _print(project: Project, loaded: float, first: float, second: float) -> None:
    last = [call for call in project.deployed.calls(MARKER) if call.messages_count == 1 + 2 * TURNS]
    assert len(last) == CONVERSATIONS
    kilobytes = min(call.request_bytes for call in last) / 1000
    configured = int(resource_properties("WorkerFunction")["MemorySize"])
    open_at_once = project.deployed.standin.concurrency(MARKER).max_open
    rows = [
        ["loaded, nothing done", f"{loaded:.0f} MB", f"{loaded / configured:.0%}"],
        [f"{CONVERSATIONS} resumed, a turn each", f"{first:.0f} MB", f"{first / configured:.0%}"],
        [f"{CONVERSATIONS} resumed again, to their end", f"{second:.0f} MB", f"{second / configured:.0%}"],
        ["MemorySize in template.yaml", f"{configured} MB", "100%"],
    ]
    table(
        f"Peak memory of a worker with {open_at_once} requests of {kilobytes:.0f} KB at a time",
        ["", "peak", "of the configured"],
        rows,
    )
