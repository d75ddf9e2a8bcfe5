"""The person whose data is erased, and the data that was found."""

from collections.abc import Iterator
from dataclasses import dataclass

from a2a_tasks.adapters.wecom.chats import DynamoDBChats
from a2a_tasks.domain.task import ContextRef, TaskRef
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.inbound.chat import chat_key, context_id
from a2a_tasks.wecom.users import canonical, is_allowed
from a2actl.deployment.task_data import TaskData
from a2actl.erasure.groups import GroupTasks
from a2actl.terminal.progress import Advance

PAGE = 100


@dataclass(frozen=True)
class Findings:
    """What is erased. ``partitions`` are whole partitions of the table that are about the person alone, and
    ``remains`` says what an operator must know or do manually."""

    tasks: tuple[TaskRef, ...]
    contexts: tuple[ContextRef, ...] = ()
    partitions: tuple[str, ...] = ()
    remains: tuple[str, ...] = ()


def task_findings(data: TaskData, task_ids: list[str]) -> Findings:
    """Single tasks, and those that they have started. Raises ``Fault`` for one that is not there."""
    return Findings(tuple(_with_started(data, [data.find(task_id) for task_id in task_ids])))


def conversation_findings(data: TaskData, context: ContextRef) -> Findings:
    """A conversation: all its tasks, and those that they have started."""
    found = list(_tasks_of(data, context))
    return Findings(tuple(_with_started(data, found)), (context,))


def person_findings(
    data: TaskData, connection: Connection, user_id: str, chat_ids: list[str], advance: Advance
) -> Findings:
    """A person's data in one connection to WeCom: what they asked alone and in groups, where they are in
    their chats, and what was counted of them. ``advance`` is called with the number of tasks read."""
    person = f"{connection.connection_id}#{canonical(user_id)}"
    groups = GroupTasks.found(data, connection, user_id, chat_ids, advance)
    keys = [chat_key(connection, user_id, None), *sorted(groups.own_keys)]
    contexts = [context for key in keys for context in _contexts(data, connection, key)]
    refs = [ref for context in contexts for ref in _tasks_of(data, context)]
    return Findings(
        tasks=tuple(_with_started(data, [*refs, *groups.asked])),
        contexts=tuple(contexts),
        partitions=(
            *(f"CHAT#{connection.connection_id}#{key}" for key in keys),
            f"RATE#WECOM#{person}",
            *(f"SPEND#WECOM#{person}{shard}" for shard in ("", "#1", "#2", "#3")),
        ),
        remains=tuple(_by_hand(connection, user_id, groups)),
    )


def _by_hand(connection: Connection, user_id: str, groups: GroupTasks) -> Iterator[str]:
    if is_allowed(user_id, connection.allowed_users):
        yield (
            f"The connection's list of people still has {user_id}: a2actl wecom connections set"
            f" {connection.connection_id} removes it."
        )
    if groups.others:
        yield (
            f"{groups.others} tasks in groups belong to others, or to users who are no longer recorded"
            " (after a day): name the group with --chat, or erase its whole conversation."
        )


def _with_started(data: TaskData, refs: list[TaskRef]) -> Iterator[TaskRef]:
    """Each task once, and behind it those that it has started, of whatever depth."""
    seen: set[str] = set()
    left = refs[::-1]
    while left:
        ref = left.pop()
        if ref.task_id in seen:
            continue
        seen.add(ref.task_id)
        yield ref
        task = data.services.store.get(ref)
        started = {entry.task_id for entry in task.spent if entry.task_id} if task else set()
        left += filter(None, (data.found(task_id) for task_id in sorted(started - seen)))


def _contexts(data: TaskData, connection: Connection, key: str) -> Iterator[ContextRef]:
    """All conversations of a chat, with whichever of the project's agents."""
    chats = DynamoDBChats(data.dynamodb, data.table)
    newest = chats.state(connection.connection_id, key).generation
    for agent in data.deployment.registry.agents_of(connection.project_id):
        for generation in range(newest + 1):
            yield ContextRef(agent.agent_id, context_id(connection, key, generation))


def _tasks_of(data: TaskData, context: ContextRef) -> Iterator[TaskRef]:
    after: str | None = None
    while page := data.services.contexts.page(context, after, PAGE):
        yield from (TaskRef(context.agent_id, task_id) for task_id in page)
        after = page[-1]
