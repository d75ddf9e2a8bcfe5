"""The worker's handler with tasks to give it."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.domain.task import Task
from a2a_tasks.tasks import payload
from tests.integration.support.account import Account
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import new_task


@dataclass(frozen=True)
class Worker:
    """One process of the worker."""

    module: ModuleType
    account: Account

    @classmethod
    def of(cls, module: ModuleType, account: Account) -> "Worker":
        """One that looks once for what was sent to a dead one, and not for 13 s of a real clock."""
        intake = replace(module.executor.intake, dead_listed_ms=0)
        module.executor = replace(module.executor, intake=intake)  # type: ignore[attr-defined]
        return cls(module, account)

    def accept(self, message: str, *, number: int = 0, **changes: Any) -> Task:
        """Store and announce a task, as the API does."""
        document = {"message": message}
        now = self.module.executor.clock.now()
        task = new_task(now, number=number, **changes)
        saved = payload.save(self.account.payloads, task.ref.task_id, "input", document)
        task = new_task(now, number=number, input=saved, **changes)
        self.account.store.create(task)
        self.account.queue.send(task)
        return task

    def deliver(self, remaining_ms: int = 900_000) -> tuple[list[dict[str, Any]], list[str]]:
        """Invoke with all visible messages: the records, and the ids of the messages it wants back."""
        records = self.account.receive()
        answer = self.module.handler({"Records": records}, LambdaContext(remaining_ms))
        assert set(answer) == {"batchItemFailures"}
        return records, [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def deliver_and_cancel(self, task: Task) -> Any:
        """Invoke with all visible messages, and cancel the task just before its first heartbeat; the
        function's answer."""
        records = self.account.receive()
        renew = DynamoDBWorkers.renew

        def cancel_then_renew(*arguments: Any) -> Any:
            self.module.executor.finalizer.cancel(task)
            return renew(*arguments)

        with patch.object(DynamoDBWorkers, "renew", cancel_then_renew):
            return self.module.handler({"Records": records}, LambdaContext())

    def work(self, rounds: int = 20) -> None:
        """Deliver what is visible until nothing is."""
        for _ in range(rounds):
            if self.account.message_counts()["visible"] == 0:
                return
            self.deliver()
        raise AssertionError(f"there are messages left after {rounds} rounds")

    def run(self, message: str, **changes: Any) -> Task:
        """Accept a task, deliver it once, and read how it stands."""
        task = self.accept(message, **changes)
        self.deliver()
        return self.now(task)

    def now(self, task: Task) -> Task:
        current = self.account.store.get(task.ref)
        assert current is not None
        return current

    def output(self, task: Task) -> dict[str, Any]:
        output = self.now(task).output
        assert output is not None
        return payload.load(self.account.payloads, output)
