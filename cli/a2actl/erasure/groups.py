"""A person's tasks in WeCom groups, as far as they are still known."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.wecom.connection import Connection, ConversationScope
from a2a_tasks.wecom.inbound.chat import chat_key
from a2a_tasks.wecom.users import canonical
from a2actl.deployment.task_data import TaskData
from a2actl.terminal.progress import Advance

AT_ONCE = 100


@dataclass(frozen=True)
class GroupTasks:
    """``own_keys`` name the person's own conversations in groups, ``asked`` their tasks in shared ones.
    ``others`` counts the tasks in groups that are not known to be theirs."""

    own_keys: frozenset[str]
    asked: tuple[TaskRef, ...]
    others: int

    @classmethod
    def found(
        cls, data: TaskData, connection: Connection, user_id: str, chat_ids: list[str], advance: Advance
    ) -> "GroupTasks":
        """Looks through all tasks that the project's agents have from this connection.

        Exchanges name people and their groups for a day, records name users with a token limit.
        ``chat_ids`` are groups that the operator knows of.
        """
        alone = chat_key(connection, user_id, None)
        known, mine, all_of_them = set(chat_ids), set[TaskRef](), list[tuple[TaskRef, str]]()
        for refs in batched(_listed(data, connection), AT_ONCE, strict=False):
            in_groups = [(ref, key) for ref, key in refs if key != alone]
            all_of_them += in_groups
            for task in data.services.store.get_all([ref for ref, _ in in_groups]):
                is_mine, chats = _asked_by(data, connection, user_id, task)
                known |= chats
                if is_mine:
                    mine.add(task.ref)
            advance(len(all_of_them), None)
        own = _own_keys(connection, user_id, known)
        asked = [ref for ref, key in all_of_them if ref in mine and key not in own]
        theirs = len(asked) + sum(key in own for _, key in all_of_them)
        return cls(own, tuple(asked), len(all_of_them) - theirs)


def _own_keys(connection: Connection, user_id: str, chat_ids: set[str]) -> frozenset[str]:
    """The person's own conversations in these groups; shared conversations are not included."""
    if connection.conversation is ConversationScope.GROUP:
        return frozenset()
    return frozenset(chat_key(connection, user_id, chat_id) for chat_id in chat_ids)


def _asked_by(data: TaskData, connection: Connection, user_id: str, task: Task) -> tuple[bool, set[str]]:
    """Whether the person has asked it, or answered its question; and in which groups."""
    person = canonical(user_id)
    exchanges = DynamoDBExchanges(data.dynamodb, data.table).of_task(task.ref.task_id)
    theirs = [each for each in exchanges if canonical(each.user_id) == person]
    spends = task.spender == f"WECOM#{connection.connection_id}#{person}"
    return bool(theirs) or spends, {each.chat_id for each in theirs if each.chat_id}


def _listed(data: TaskData, connection: Connection) -> Iterator[tuple[TaskRef, str]]:
    """All tasks from the connection, with what names their chat."""
    prefix = f"wecom-{connection.connection_id}-"
    entries = _Entries(data.dynamodb, data.table)
    for agent in data.deployment.registry.agents_of(connection.project_id):
        for entry in entries.of(agent.agent_id):
            context_id = str(entry.get("contextId", ""))
            if context_id.startswith(prefix):
                yield task_items.ref_of(entry), context_id.removeprefix(prefix).rpartition("-")[0]


class _Entries(Store):
    """Entries of an agent in the index ``list``, in no order, a page at a time."""

    def of(self, agent_id: str) -> Iterator[Item]:
        for number in range(task_items.LIST_SHARDS):
            place = {"pk": task_items.list_partition(agent_id, number)}
            for page in self._pages("listShard = :pk", place, IndexName="list"):
                yield from page
