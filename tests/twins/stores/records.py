"""Tasks' records and projects' spending, in memory."""

import threading
from collections import Counter, defaultdict
from decimal import Decimal

from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.tasks import Record


class MemoryRecords:
    """``RecordStore``, atomic under one lock. ``writes`` counts new records by task and key."""

    def __init__(self) -> None:
        self.by_task: dict[str, dict[str, tuple[int, Record]]] = defaultdict(dict)
        self.writes: Counter[tuple[str, str]] = Counter()
        self._lock = threading.RLock()

    def put_record(self, task_id: str, fence: int, record: Record) -> bool:
        with self._lock:
            written, _ = self.by_task[task_id].get(record.key, (0, record))
            if written > fence:
                return False
            self._write(task_id, fence, record)
            return True

    def put_record_once(self, task_id: str, fence: int, record: Record) -> Record | None:
        with self._lock:
            if record.key in self.by_task[task_id]:
                return self.by_task[task_id][record.key][1]
            self._write(task_id, fence, record)
            return None

    def record(self, task_id: str, key: str) -> Record | None:
        _, found = self.by_task[task_id].get(key, (0, None))
        return found

    def records(self, task_id: str) -> list[Record]:
        with self._lock:
            return [record for _, (_, record) in sorted(self.by_task[task_id].items())]

    def steps(self, task_id: str, limit: int) -> list[tuple[str, Step]]:
        records = self.records(task_id)[:limit]
        return [(record.key, record.step) for record in records if record.step is not None]

    def _write(self, task_id: str, fence: int, record: Record) -> None:
        self.writes[task_id, record.key] += self.by_task[task_id].get(record.key) != (fence, record)
        self.by_task[task_id][record.key] = (fence, record)


class MemorySpend:
    """``SpendStore``. ``tasks`` says how often each task was counted."""

    def __init__(self) -> None:
        self.by_day: dict[tuple[str, str], Usage] = {}
        self.tasks: Counter[str] = Counter()

    def add_spend(self, project_id: str, day: str, usage: Usage, task_id: str = "") -> None:
        self.tasks[task_id] += 1
        before = self.by_day.get((project_id, day), Usage())
        cost = (before.cost_usd or Decimal(0)) + (usage.cost_usd or Decimal(0))
        self.by_day[project_id, day] = Usage(input_tokens=before.tokens + usage.tokens, cost_usd=cost)

    def spend(self, project_id: str, day: str) -> Usage:
        return self.by_day.get((project_id, day), Usage(cost_usd=Decimal(0)))
