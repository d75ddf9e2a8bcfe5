"""The deployment that is tested, found by its stack."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from a2actl.deployment import local_stack
from a2actl.deployment.deployment import Deployment
from a2actl.deployment.stack import Stack
from tests.smoke.check import Failed

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
PRODUCTION = {"prod", "production", "prd", "live"}


@dataclass(frozen=True)
class Target:
    """A deployed stack. What AWS raises passes through."""

    stack: Stack
    deployment: Deployment
    api_url: str
    session: boto3.Session
    endpoint_url: str | None

    @classmethod
    def of(cls, stack: Stack, api_url: str | None = None) -> "Target":
        """The stack, at ``api_url`` or its own address. Raises ``Fault`` if there is no such stack."""
        with stack.deployment() as deployment:
            url = (api_url or stack.api_url()).rstrip("/")
            if stack.local:
                session = boto3.Session("test", "test", region_name=local_stack.REGION)
                return cls(stack, deployment, url, session, stack.local.aws_endpoint_url)
            session = boto3.Session(region_name=stack.region, profile_name=stack.profile)
            return cls(stack, deployment, url, session, os.environ.get("AWS_ENDPOINT_URL"))

    @property
    def name(self) -> str:
        return self.deployment.stack_name

    @property
    def is_emulated(self) -> bool:
        return self.endpoint_url is not None

    @property
    def is_production(self) -> bool:
        """Whether it looks like one that people rely on."""
        return bool(PRODUCTION & {self.parameters["Stage"], *self.name.lower().split("-")})

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The stack's parameters as deployed."""
        found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", [])}

    def client(self, service: Any) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_CONFIG)

    def output(self, name: str) -> str:
        return self.deployment.output(name)

    def function(self, name: str) -> str:
        """The deployed name of a function, such as ``Worker``."""
        return self.output(f"{name}FunctionName")

    def physical(self, logical_id: str) -> str:
        """The name of a resource of the template. Raises ``Failed`` if the stack has none."""
        try:
            found = self.client("cloudformation").describe_stack_resource(
                StackName=self.name, LogicalResourceId=logical_id
            )
        except ClientError as error:
            raise Failed(f"the stack has no {logical_id}: {error.response['Error']['Message']}") from None
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def log_group(self, function: str) -> str:
        group: str = self._configuration(function)["LoggingConfig"]["LogGroup"]
        return group

    @cached_property
    def metric_namespace(self) -> str:
        variables = self._configuration("Api")["Environment"]["Variables"]
        namespace: str = variables["POWERTOOLS_METRICS_NAMESPACE"]
        return namespace

    def invoke(self, function: str) -> dict[str, Any]:
        """Invoke a function as its schedule does, and return its report. Raises ``Failed`` if it fails."""
        answer = self.client("lambda").invoke(FunctionName=self.function(function), Payload=b"{}")
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Failed(f"{self.function(function)} failed: {report.get('errorMessage', report)}")
        return report

    def _configuration(self, function: str) -> Any:
        return self.client("lambda").get_function_configuration(FunctionName=self.function(function))
