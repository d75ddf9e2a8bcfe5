"""The metrics of a deployment by the names in its template."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from local.preflight.target import Target
from tests.alarms.metrics import Metric

FUNCTIONS = (
    "Api", "Authorizer", "Messages", "A2A", "Wecom", "Worker", "DeadLetter", "Sweeper", "Cleanup",
    "Batcher", "Notifier", "Webhooks", "WecomSender",
)  # fmt: skip
INDEXES = ("list", "due", "retention", "pending")


@dataclass(frozen=True)
class Deployment:
    """What publishes under which dimensions."""

    target: Target

    @functools.cached_property
    def _named(self) -> Callable[..., str]:
        """What a resource is called, by its id and an attribute; worked out once, and not for each minute."""

        def named(logical_id: str, attribute: str = "") -> str:
            reference = {"Fn::GetAtt": [logical_id, attribute]} if attribute else {"Ref": logical_id}
            return str(self.target.value(reference))

        return functools.cache(named)

    def own(self, name: str, code: str | None = None) -> Metric:
        """Of those that the functions count themselves."""
        dimensions = {"service": "tasks"} | ({"code": code} if code else {})
        return Metric.of(f"A2ATasks/{self.target.stack_name}", name, dimensions)

    def function(self, name: str, of: str) -> Metric:
        return Metric.of("AWS/Lambda", name, {"FunctionName": self._named(f"{of}Function")})

    def release(self, name: str, of: str) -> Metric:
        """The same of the version to which traffic shifts: so Lambda counts calls of an alias of two."""
        function = self._named(f"{of}Function")
        (version,) = (
            logical_id
            for logical_id, item in self.target.template["Resources"].items()
            if item["Type"] == "AWS::Lambda::Version"
            and item["Properties"]["FunctionName"] == {"Ref": f"{of}Function"}
        )
        executed = self._named(version, "Version")
        dimensions = {"FunctionName": function, "Resource": f"{function}:live", "ExecutedVersion": executed}
        return Metric.of("AWS/Lambda", name, dimensions)

    def queue(self, name: str, of: str) -> Metric:
        return Metric.of("AWS/SQS", name, {"QueueName": self._named(of, "QueueName")})

    def visible(self, of: str) -> Metric:
        return self.queue("ApproximateNumberOfMessagesVisible", of)

    def age(self, of: str) -> Metric:
        return self.queue("ApproximateAgeOfOldestMessage", of)

    def api(self, name: str, *, messages: bool = False) -> Metric:
        stage = {"ApiName": self.target.stack_name, "Stage": self.target.parameters["Stage"]}
        method = {"Resource": "/a2a/{agentId}/messages", "Method": "POST"} if messages else {}
        return Metric.of("AWS/ApiGateway", name, stage | method)

    def table(self, name: str, of: str, index: str | None = None) -> Metric:
        dimensions = {"TableName": self._named(of)}
        if index:
            dimensions["GlobalSecondaryIndexName"] = index
        return Metric.of("AWS/DynamoDB", name, dimensions)

    def models(self) -> dict[str, str]:
        """The ids of the models that have aliases, as tasks are counted under."""
        backend = self.target.parameters["ClaudeBackend"]
        return dict(self.target.template["Mappings"]["Models"][backend])
