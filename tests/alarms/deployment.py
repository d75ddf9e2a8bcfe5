"""The metrics of a deployment by the names in its template."""

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

    def own(self, name: str, code: str | None = None) -> Metric:
        """Of those that the functions count themselves."""
        dimensions = {"service": "tasks"} | ({"code": code} if code else {})
        return Metric.of(f"A2ATasks/{self.target.stack_name}", name, dimensions)

    def function(self, name: str, of: str) -> Metric:
        reference = self.target.value({"Ref": f"{of}Function"})
        return Metric.of("AWS/Lambda", name, {"FunctionName": reference})

    def release(self, name: str, of: str) -> Metric:
        """The same of the version to which traffic shifts: so Lambda counts calls of an alias of two."""
        function = self.target.value({"Ref": f"{of}Function"})
        (version,) = (
            logical_id
            for logical_id, item in self.target.template["Resources"].items()
            if item["Type"] == "AWS::Lambda::Version"
            and item["Properties"]["FunctionName"] == {"Ref": f"{of}Function"}
        )
        executed = self.target.value({"Fn::GetAtt": [version, "Version"]})
        dimensions = {"FunctionName": function, "Resource": f"{function}:live", "ExecutedVersion": executed}
        return Metric.of("AWS/Lambda", name, dimensions)

    def queue(self, name: str, of: str) -> Metric:
        reference = self.target.value({"Fn::GetAtt": [of, "QueueName"]})
        return Metric.of("AWS/SQS", name, {"QueueName": reference})

    def visible(self, of: str) -> Metric:
        return self.queue("ApproximateNumberOfMessagesVisible", of)

    def age(self, of: str) -> Metric:
        return self.queue("ApproximateAgeOfOldestMessage", of)

    def api(self, name: str, *, messages: bool = False) -> Metric:
        stage = {"ApiName": self.target.stack_name, "Stage": self.target.parameters["Stage"]}
        method = {"Resource": "/a2a/{agentId}/messages", "Method": "POST"} if messages else {}
        return Metric.of("AWS/ApiGateway", name, stage | method)

    def table(self, name: str, of: str, index: str | None = None) -> Metric:
        dimensions = {"TableName": self.target.value({"Ref": of})}
        if index:
            dimensions["GlobalSecondaryIndexName"] = index
        return Metric.of("AWS/DynamoDB", name, dimensions)

    def models(self) -> dict[str, str]:
        """The ids of the models that have aliases, as tasks are counted under."""
        backend = self.target.parameters["ClaudeBackend"]
        return dict(self.target.template["Mappings"]["Models"][backend])
