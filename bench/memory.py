"""Memory and processor time of a worker process with many tasks: a hundred conversations of 20,000
tokens, ten of 200,000, and ten messages with a file of the maximum size.

The built worker runs in a process of its own, on the emulator's Python; the emulator and the stand-in are
other processes. An earlier process creates the conversations and hands them over after each turn, so the
measured process reads them back from their records in S3. It sends them twice as a whole: once for the last
long reply, and once for an answer that is streamed to all at the same time. Each contains an emoji, for which
Python takes four bytes for every character of the request. Lambda's own runtime is not in the figures.
"""

import base64
from dataclasses import dataclass

from bench.report import console, step, table
from bench.support.built_function import BuiltFunction
from bench.support.event_source import EventSource
from bench.support.running_function import Handled, RunningFunction
from local.deployed import Project
from tests.integration.support.template import known_values

TURNS = 5
CHARACTERS_PER_TOKEN = 4
ANSWER_SECONDS = 20
PIECES_A_SECOND = 10
"""Of a streamed answer of the stand-in."""
ANSWER_CHARACTERS = 6_400
"""80 tokens a second."""
FILE_BYTES = 3_900_000
"""In base64 nearly 5 MB, the limit of all parts of a message together."""
FILES = 10
TO_THE_END_MS = 900_000
ONE_TURN_MS = 59_000
"""So short that the worker hands over after one turn."""
MARKER = "memory"
MEMORY_MB = int(known_values({})["WorkerMemory"])
WHOLE_PROCESSOR_MB = 1_769


@dataclass(frozen=True)
class Conversations:
    """This many, of this many tokens each."""

    count: int
    tokens: int

    @property
    def title(self) -> str:
        return f"{self.count} conversations of {self.tokens:,} tokens"

    def message(self, n: int) -> str:
        size = self.tokens * CHARACTERS_PER_TOKEN // TURNS
        steps = (
            f'size={size}; tool=Glob:{{"pattern": "*"}}; repeat={TURNS}',
            f"size={ANSWER_CHARACTERS}; delay={ANSWER_SECONDS}",
        )
        return f"[[standin: {' | '.join(steps)}]] {MARKER}-{self.count}-{n} 🙂"


MANY, LONG = Conversations(100, 20_000), Conversations(10, 200_000)


def run(project: Project) -> None:
    """Print the tables."""
    built = BuiltFunction.of(project.deployed, "WorkerFunction")
    source = EventSource.of(project.deployed)
    rows: list[list[object]] = []

    def add(title: str, handled: Handled) -> None:
        rows.append([title, f"{handled.peak_mb:.0f} MB", f"{handled.peak_mb / MEMORY_MB:.0%}"])
        console.print(f"  {title}: {rows[-1][1]}")

    with source.disabled():
        for each in (MANY, LONG):
            loaded, resumed, ended = _conversations(project, source, built, each)
            add(f"{each.title}: resumed", resumed)
            add(f"{each.title}: to their end", ended)
            if each is MANY:
                _print_processor(ended)
        add(f"{FILES} files of {FILE_BYTES / 1e6:.1f} MB", _files(project, source, built))
    table(
        f"Peak memory of a worker, of {MEMORY_MB} MB (WorkerMemory)",
        ["", "peak", "of it", "with none"],
        [[*row, f"{loaded:.0f} MB"] for row in rows],
    )


def _conversations(
    project: Project, source: EventSource, built: BuiltFunction, each: Conversations
) -> tuple[float, Handled, Handled]:
    """The process after loading, and the results of the last two invocations."""
    with step(f"Create {each.title}"):
        toolbox = project.id_of("toolbox")
        accepted = [project.submit(each.message(n), toolbox) for n in range(each.count)]
        with RunningFunction.of(built) as worker:
            for _ in range(TURNS - 1):
                worker.handle(source.receive(each.count), ONE_TURN_MS)
    with step("Continue all of them in one process"), RunningFunction.of(built) as worker:
        loaded = worker.loaded_mb
        resumed = worker.handle(source.receive(each.count), ONE_TURN_MS)
        ended = worker.handle(source.receive(each.count), TO_THE_END_MS)
    for task in accepted:
        _check(project.get(task))
    return loaded, resumed, ended


def _files(project: Project, source: EventSource, built: BuiltFunction) -> Handled:
    with step(f"Show Claude {FILES} files of {FILE_BYTES / 1e6:.1f} MB at a time"):
        raw = base64.b64encode(b"%PDF-" + bytes(FILE_BYTES)).decode()
        for n in range(FILES):
            _send(project, n, {"raw": raw, "mediaType": "application/pdf", "filename": "large.pdf"})
        with RunningFunction.of(built) as worker:
            handled = worker.handle(source.receive(FILES), TO_THE_END_MS)
    shown = project.deployed.calls(f"{MARKER}-file-")
    if len(shown) != FILES or min(call.request_bytes for call in shown) < FILE_BYTES:
        raise RuntimeError(f"{len(shown)} of {FILES} files were shown")
    return handled


def _send(project: Project, n: int, file: dict[str, str]) -> None:
    """A message with a file, by A2A: the tasks' own route accepts only text."""
    parts = [{"text": f"[[standin: say=seen; delay=5]] {MARKER}-file-{n}"}, file]
    message = {"messageId": f"file-{n}", "role": "ROLE_USER", "parts": parts}
    answer = project.request(
        "POST",
        f"/a2a/{project.agent_id}/v1/message:send",
        headers={"A2A-Version": "1.0"},
        json={"message": message, "configuration": {"returnImmediately": True}},
    )
    if answer.is_error:
        raise RuntimeError(f"message {n} was refused: {answer.text}")


def _check(task: dict[str, object]) -> None:
    if task["status"] != "completed":
        raise RuntimeError(f"task {task['taskId']} is {task['status']}")


def _print_processor(streamed: Handled) -> None:
    """The usage of the answers that were streamed to all of ``MANY`` at the same time."""
    pieces = MANY.count * ANSWER_SECONDS * PIECES_A_SECOND
    tokens = MANY.count * ANSWER_CHARACTERS / CHARACTERS_PER_TOKEN
    share = MEMORY_MB / WHOLE_PROCESSOR_MB
    console.print(
        f"{MANY.count} tasks read back, sent and streamed in {streamed.seconds:.0f} s took "
        f"{streamed.cpu:.1f} s of a processor: {streamed.cpu / tokens * 1e6:.0f} µs a token, "
        f"{streamed.cpu / pieces * 1e6:.0f} µs a piece of {PIECES_A_SECOND} a second; "
        f"{streamed.cpu / streamed.seconds:.0%} of one, of which {MEMORY_MB} MB have {share:.0%}.\n"
    )
