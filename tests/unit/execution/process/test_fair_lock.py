"""Who holds a lock next: each key in its turn, whoever is canceled and whatever fails."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.office_file import OfficeKind
from a2a_tasks.domain.task import Task
from a2a_tasks.execution.agent_loop import FILE_TOOLS_AT_ONCE
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.process.fair_lock import FairLock
from a2a_tasks.execution.store_retry import StoreRetry
from a2a_tasks.execution.tools.made_files import FETCHING_MS, TURNS_AT_ONCE
from a2a_tasks.execution.tools.toolbox import ToolOutcome
from a2a_tasks.ports.model import ModelFile
from a2a_tasks.tasks.office_texts import OfficeTexts
from tests.twins.clock import FakeClock
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.freeze import Freeze
from tests.twins.model import answer, uses
from tests.unit.execution.test_office_files import raw, report
from tests.unit.execution.tools.test_made_files import made, reply

THEIRS = {"agent_id": "theirs", "project_id": "other"}


@dataclass
class AtATime:
    """How many go on ``now``, and the ``most`` that did at a time."""

    now: int = 0
    most: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        self.now += 1
        self.most = max(self.most, self.now)
        yield
        self.now -= 1


class Held:
    """A lock, and who has held it, in order."""

    def __init__(self, places: int = 1) -> None:
        self.lock, self.order = FairLock(places), list[str]()
        self.holders = AtATime()

    async def hold(self, name: str, *, fails: bool = False) -> None:
        """The first letter of a name is its key."""
        async with self.lock.held_for(name[0]):
            self.order.append(name)
            with self.holders.one():
                await asyncio.sleep(0)
            if fails:
                raise RuntimeError(name)

    async def all(self, *names: str) -> None:
        await asyncio.gather(*map(self.hold, names))


def test_keys_take_turns_and_each_keeps_its_order() -> None:
    held = Held()
    asyncio.run(held.all("a1", "a2", "a3", "a4", "b1", "b2", "c1"))
    assert held.order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_several_may_hold_it() -> None:
    held = Held(places=2)

    async def come() -> None:
        await held.all("a1", "a2", "a3", "a4", "b1")
        await held.all("a5", "a6", "a7")

    asyncio.run(come())
    assert held.holders.most == 2
    assert held.order == ["a1", "a2", "a3", "b1", "a4", "a5", "a6", "a7"]


def test_it_is_free_again_for_whoever_comes_later() -> None:
    held = Held()

    async def come() -> None:
        await held.all("a1", "b1")
        await held.all("a2")

    asyncio.run(come())
    assert held.order == ["a1", "b1", "a2"]


def test_whoever_fails_passes_it_on() -> None:
    held = Held()

    async def come() -> None:
        await asyncio.gather(held.hold("a1", fails=True), held.hold("b1"), return_exceptions=True)

    asyncio.run(come())
    assert held.order == ["a1", "b1"]


def test_whoever_is_canceled_while_waiting_or_as_the_turn_comes_loses_it_for_nobody() -> None:
    """With a cancel after each number of steps of the loop."""
    for steps in range(6):
        held = Held()

        async def come(held: Held = held, steps: int = steps) -> None:
            tasks = [asyncio.ensure_future(held.hold(name)) for name in ("a1", "b1", "a2", "b2")]
            for _ in range(steps):
                await asyncio.sleep(0)
            tasks[1].cancel()
            with suppress(asyncio.CancelledError):
                await tasks[1]
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)

        asyncio.run(come())
        assert [name for name in held.order if name != "b1"] == ["a1", "a2", "b2"], steps


async def after_others[**P, T](call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """``RunBlocking`` that lets others go on first."""
    await asyncio.sleep(0)
    return call(*args, **kwargs)


@dataclass
class NotingParser:
    """``DocumentParser`` that notes the order of the files; ``names`` are theirs by what is in them."""

    names: dict[bytes, str]
    order: list[str] = field(default_factory=list)

    def text(self, kind: OfficeKind, content: bytes, limit: int) -> str:  # noqa: ARG002
        self.order.append(self.names[content])
        return "text"


def test_a_project_with_many_files_in_a_worker_keeps_no_other_waiting(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("other"))
    deployment.registry.apply(agent("theirs", "other"))
    names = [f"mine {number}" for number in range(9)] + ["theirs"]
    files = {name: report(name) for name in names}
    parser = NotingParser({content: name for name, content in files.items()})

    def submitted(name: str) -> Task:
        owner = THEIRS if name == "theirs" else {}
        return deployment.submit("Read it.", parts=(raw(files[name], filename="a.docx"),), **owner)

    tasks = list(map(submitted, names))
    checkpoints = Checkpoints(
        deployment.store,
        deployment.records,
        deployment.payloads,
        deployment.clock,
        StoreRetry(deployment.clock, after_others),
        OfficeTexts(parser, deployment.payloads),
        after_others,
    )

    async def read() -> None:
        await asyncio.gather(*map(checkpoints.transcript, tasks))

    asyncio.run(read())
    assert sorted(parser.order) == sorted(names)
    assert parser.order.index("theirs") <= 2


class Searching(Freeze):
    """``RunBlocking`` by which each search takes five seconds; it notes whose they are, and how many go on at
    a time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, start=0, seconds=0)
        self.begun: list[str] = []
        self.searches = AtATime()

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        result = call(*args, **kwargs)
        if isinstance(result, ToolOutcome):
            self.begun.append(result.answer.text)
            with self.searches.one():
                await self._clock.sleep(5)
        return result


def test_a_project_that_searches_much_keeps_no_other_from_threads_or_from_searching(
    deployment: Deployment,
) -> None:
    """Each task fails to find a file that is named after its project."""
    deployment.room = 20
    deployment.registry.put_project(ProjectSettings("other"))
    deployment.registry.apply(agent(allowed_tools=("Read",), max_concurrent_tasks=20))
    deployment.registry.apply(agent("theirs", "other", allowed_tools=("Read",)))
    for project, agent_id, count in (("demo", "writer", 9), ("other", "theirs", 1)):
        for n in range(count):
            message = f"{project} {n}"
            deployment.model.on(message, uses(("Read", {"file_path": project})), answer())
            deployment.submit(message, project_id=project, agent_id=agent_id)
    searching = Searching(deployment.clock)
    deployment.clock.run(deployment.invoke(deployment.queue.receive(), freeze=searching))
    whose = ["other" if "no file other" in text else "demo" for text in searching.begun]
    assert searching.searches.most == FILE_TOOLS_AT_ONCE
    assert (len(whose), whose.count("other")) == (10, 1)
    assert whose.index("other") <= FILE_TOOLS_AT_ONCE + 1


@dataclass
class LargeFiles:
    """``ModelFiles`` each of which takes a while to fetch, in ``order``."""

    clock: FakeClock
    order: list[str] = field(default_factory=list)
    fetches: AtATime = field(default_factory=AtATime)

    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:  # noqa: ARG002
        self.order.append(file_id)
        with self.fetches.one():
            await self.clock.sleep(FETCHING_MS / 2_000)
        return ModelFile(file_id, "text/csv", b"1,2")


def test_files_that_code_has_made_are_in_memory_two_turns_at_a_time_and_each_has_its_time(
    deployment: Deployment,
) -> None:
    """A hundred of 20 MB at a time would end the worker, with all that it carries."""
    deployment.room = 20
    deployment.registry.put_project(ProjectSettings("other"))
    deployment.registry.apply(agent(allowed_tools=("CodeExecution",), max_concurrent_tasks=20))
    deployment.registry.apply(agent("theirs", "other", allowed_tools=("CodeExecution",)))
    names = [*(f"mine_{n}" for n in range(9)), "theirs"]
    for name in names:
        deployment.model.on(name, reply(made(name)))
        deployment.submit(name, **(THEIRS if name == "theirs" else {}))
    files = LargeFiles(deployment.clock)
    deployment.files = files  # type: ignore[assignment]
    deployment.work()
    assert files.fetches.most == TURNS_AT_ONCE
    assert sorted(files.order) == sorted(names)
    assert files.order.index("theirs") <= TURNS_AT_ONCE + 1
    ended = [deployment.now_of(task) for task in deployment.store.tasks.values()]
    assert [len(task.artifacts) for task in ended] == [1] * len(names)
