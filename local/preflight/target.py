"""What is to be deployed: an environment of samconfig.toml and the template as CloudFormation gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.template.intrinsics import NotKnown, Template, Value, chosen, evaluated, holds
from local.template.samconfig import samconfig, template_parameters
from local.template.transformed import transformed

ACCOUNT = "123456789012"
REGION = "us-east-1"
# the suffix that CloudFormation appends to generated names
SUFFIX = "XXXXXXXXXXXX"


@dataclass(frozen=True)
class Target:
    """``given`` are the parameters that the environment sets; the others have the template's defaults."""

    environment: str
    stack_name: str
    template: Template
    given: Mapping[str, str]
    region: str | None = None
    artifact_bucket: str | None = None
    """The bucket that SAM uploads to; None if SAM creates one itself (``resolve_s3``)."""

    @classmethod
    def of_environment(cls, environment: str) -> "Target":
        """Raises LookupError if there is no such environment, ToolError if SAM rejects the template."""
        config = samconfig(environment)
        shared, deploy = config["global"]["parameters"], config["deploy"]["parameters"]
        given = template_parameters(environment)
        return cls(
            environment,
            shared["stack_name"],
            transformed(given),
            given,
            deploy.get("region", shared.get("region")),
            deploy.get("s3_bucket"),
        )

    @cached_property
    def parameters(self) -> dict[str, str]:
        defaults = {
            name: str(entry["Default"])
            for name, entry in self.template.get("Parameters", {}).items()
            if "Default" in entry
        }
        return defaults | dict(self.given)

    @cached_property
    def conditions(self) -> dict[str, bool]:
        """Which of the template's conditions are met."""
        named = self.template.get("Conditions", {})
        return {name: holds(condition, self.value, named) for name, condition in named.items()}

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are created, with their values; values known only after a deployment are
        placeholders."""
        made = {}
        for name, resource in self.template["Resources"].items():
            if self.conditions.get(resource.get("Condition", ""), True):
                properties = chosen(resource.get("Properties", {}), self.conditions)
                made[name] = {"Type": resource["Type"], "Properties": self.value(properties)}
        return made

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, by logical id."""
        return {name: item["Properties"] for name, item in self.resources.items() if item["Type"] == kind}

    def value(self, value: Value) -> Value:
        """A value of the template, evaluated. Raises NotKnown."""
        return evaluated(value, self._known, self.template.get("Mappings", {}))

    def _known(self, name: str) -> str:
        region = self.region or REGION
        pseudo = {
            "AWS::StackName": self.stack_name,
            "AWS::Region": region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{self.stack_name}/{SUFFIX}",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        logical_id, _, attribute = name.partition(".")
        if logical_id not in self.template["Resources"]:
            raise NotKnown(f"{name} is neither a parameter nor a resource of the template")
        made = f"{self.stack_name}-{logical_id}-{SUFFIX}"
        return f"arn:aws:service:{region}:{ACCOUNT}:{made}" if attribute.endswith("Arn") else made
