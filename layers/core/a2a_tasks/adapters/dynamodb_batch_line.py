"""The line of tasks that wait for a batch. Apart from the batches, since every function that takes tasks in
loads it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters.attributes import to_attributes
from a2a_tasks.adapters.dynamodb_calls import call
from a2a_tasks.domain.task import Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LINE = "BATCH#LINE"


@dataclass(frozen=True)
class DynamoDBBatchLine:
    """``BatchLine``: ``pk = BATCH#LINE``, ``sk`` the task's project and id, so that projects can be read in
    turn however long the line of one is."""

    client: "DynamoDBClient"
    table: str

    def enqueue(self, task: Task) -> None:
        """Leaves what is counted of an entry that is there already: the sweeper puts tasks in anew."""
        since = max(task.created_at, task.not_before)
        call(
            self.client.update_item,
            TableName=self.table,
            Key=to_attributes({"pk": LINE, "sk": place(task.project_id, task.ref.task_id)}),
            UpdateExpression="SET agentId = :agent, since = :since",
            ExpressionAttributeValues=to_attributes({":agent": task.ref.agent_id, ":since": since}),
        )


def place(project_id: str, task_id: str) -> str:
    """A sort key. No project's id has a ``#``, which sorts before all that they have."""
    return f"{project_id}#{task_id}"
