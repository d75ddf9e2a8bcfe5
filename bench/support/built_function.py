"""A function as built and deployed to a local stack, run outside of the emulator."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from local.deployed import Deployed
from local.tools import EMULATOR
from tests.integration.support.template import layers_of, resource_properties


@dataclass(frozen=True)
class BuiltFunction:
    """``module`` has its ``handler``; ``paths`` are its code and layers; ``variables`` are those of its
    deployment and of the AWS endpoint."""

    module: str
    handler: str
    paths: tuple[str, ...]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, deployed: Deployed, logical_id: str) -> "BuiltFunction":
        build = deployed.stack.build
        properties = resource_properties(logical_id)
        function = deployed.client("lambda").get_function_configuration(
            FunctionName=deployed.outputs[f"{logical_id}Name"]
        )
        variables = function["Environment"]["Variables"]
        module, _, handler = variables.get("STREAMING_HANDLER", properties["Handler"]).rpartition(".")
        layers = (str(build / layer / "python") for layer in layers_of(logical_id))
        return cls(
            module=module,
            handler=handler,
            paths=(str(build / logical_id), *layers),
            variables={**deployed.stack.aws_environment, **variables},
        )

    @property
    def python(self) -> str:
        """One of Lambda's version."""
        return str(EMULATOR.program("python"))

    @property
    def environment(self) -> dict[str, str]:
        return {**self.variables, "PYTHONPATH": os.pathsep.join(self.paths)}
