"""A function as it is deployed in the emulator."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.gateway.settings import Settings, StreamingRoute

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "AWS_REGION", "AWS_DEFAULT_REGION",
             "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy")  # fmt: skip


@dataclass(frozen=True)
class DeployedFunction:
    """The version behind its alias. `revision` changes with each change of its code or configuration."""

    name: str
    version: str
    arn: str
    role_arn: str
    revision: str
    timeout_seconds: int
    memory_mb: int
    log_group: str
    variables: Mapping[str, str]
    endpoint_url: str
    code: Path
    layers: tuple[Path, ...]

    @classmethod
    def read(cls, functions: "LambdaClient", settings: Settings, route: StreamingRoute) -> "DeployedFunction":
        """Its configuration in the emulator, and its code as it was built."""
        found = functions.get_function_configuration(FunctionName=route.function, Qualifier=route.alias)
        return cls(
            name=route.function,
            version=found["Version"],
            arn=found["FunctionArn"],
            role_arn=found["Role"],
            revision=f"{found['RevisionId']} {found['LastModified']}",
            timeout_seconds=found["Timeout"],
            memory_mb=found["MemorySize"],
            log_group=found["LoggingConfig"]["LogGroup"],
            variables=found["Environment"]["Variables"],
            endpoint_url=settings.endpoint_url,
            code=settings.build / route.code,
            layers=tuple(settings.build / layer for layer in route.layers),
        )

    @property
    def wrapper(self) -> Path:
        """The path in the layer that has it: AWS_LAMBDA_EXEC_WRAPPER is where Lambda unpacks layers,
        `/opt/…`.

        Raises LookupError if no layer has it.
        """
        name = Path(self.variables["AWS_LAMBDA_EXEC_WRAPPER"]).name
        for layer in self.layers:
            if (layer / name).exists():
                return layer / name
        raise LookupError(f"No layer of {self.name} has {name}.")

    def environment(self, runtime_api: str, log_stream: str, credentials: Any) -> dict[str, str]:
        """The environment of its process, with what Lambda adds (AWS Lambda Developer Guide, "Defined runtime
        environment variables"), and none of the user's own variables."""
        return {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            **self.variables,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "LAMBDA_TASK_ROOT": str(self.code),
            "PYTHONPATH": os.pathsep.join(str(layer / "python") for layer in self.layers),
        }
