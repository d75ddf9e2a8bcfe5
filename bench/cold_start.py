"""Import plus client creation of every built function, against an empty handler with the same clients.

Each sample is a process of its own, on the emulator's Python (boto3 beside it, as in Lambda) with the
built layers on the path. Floor and function alternate, so that a noisy machine slows both.
"""

import json
import subprocess
from dataclasses import dataclass
from statistics import median

from bench.report import table
from local.stack import Deployment, LocalStack
from local.tools import EMULATOR

SAMPLES = 9
MEASURE = """
import json, os, sys, time
sys.path[:0] = json.loads(os.environ["PATHS"])
started = time.perf_counter()
{code}
print(time.perf_counter() - started)
"""
CLIENTS = "import boto3\nfor service in {services}: boto3.client(service)"
FUNCTIONS = {
    "authorizer": ("AuthorizerFunction", ["CoreLayer"], ["dynamodb"]),
    "api": ("ApiFunction", ["CoreLayer", "DependenciesLayer"], ["dynamodb", "sqs"]),
    "sweeper": ("SweeperFunction", ["CoreLayer", "DependenciesLayer"], ["dynamodb", "sqs"]),
    "cleanup": ("CleanupFunction", ["CoreLayer", "DependenciesLayer"], ["dynamodb"]),
    "dead_letter": ("DeadLetterFunction", ["CoreLayer", "DependenciesLayer"], ["dynamodb"]),
    "worker": (
        "WorkerFunction",
        ["CoreLayer", "DependenciesLayer", "ClaudeLayer"],
        ["dynamodb", "sqs", "secretsmanager"],
    ),
}
"""By function: its logical id, its layers, and the clients that it makes."""


@dataclass(frozen=True)
class Sample:
    paths: list[str]
    environment: dict[str, str]

    def seconds(self, code: str) -> float:
        """How long a fresh process takes for some lines of Python."""
        done = subprocess.run(
            [EMULATOR.program("python"), "-c", MEASURE.format(code=code)],
            env={**self.environment, "PATHS": json.dumps(self.paths)},
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout.strip().splitlines()[-1])


def run(stack: LocalStack, deployment: Deployment) -> None:
    """Print the table for the functions that the stack was built with."""
    rows = [_row(stack, deployment, name) for name in FUNCTIONS]
    table(
        f"Cold start: import and clients, median of {SAMPLES}",
        ["function", "function (s)", "floor (s)", "ratio", "aim", "floor is"],
        rows,
    )


def _row(stack: LocalStack, deployment: Deployment, name: str) -> list[object]:
    logical_id, layers, services = FUNCTIONS[name]
    build = stack.folder / "build"
    paths = [str(build / logical_id)] + [str(build / layer / "python") for layer in layers]
    sample = Sample(paths, _environment(stack, deployment.outputs[f"{logical_id}Name"]))
    floor_code, floor_is = CLIENTS.format(services=services), f"boto3 + {', '.join(services)}"
    if name == "worker":
        floor_code, floor_is = "import anthropic", "import anthropic"
    floors, functions = [], []
    for _ in range(SAMPLES):
        floors.append(sample.seconds(floor_code))
        functions.append(sample.seconds(f"import functions.{name}.app"))
    floor, function = median(floors), median(functions)
    aim = {"authorizer": "≤ 1.2", "api": "≤ 1.7", "worker": "≤ 1.1"}.get(name, "")
    return [name, f"{function:.3f}", f"{floor:.3f}", f"{function / floor:.2f}", aim, floor_is]


def _environment(stack: LocalStack, function_name: str) -> dict[str, str]:
    """The environment that the function was deployed with."""
    configured = stack.session().client("lambda", endpoint_url=stack.endpoint_url)
    function = configured.get_function_configuration(FunctionName=function_name)
    return {**stack.aws_environment, **function["Environment"]["Variables"]}
