"""Import plus client creation of every built function, against an empty handler with the same clients.

Each sample is a process of its own, on the emulator's Python (boto3 beside it, as in Lambda) with the
built layers on the path. Floor and function alternate, so that a noisy machine slows both.
"""

import subprocess
from statistics import median

from bench.built_function import BuiltFunction
from bench.report import step, table
from local.deployed import Project

SAMPLES = 9
MEASURE = """
import time
started = time.perf_counter()
{code}
print(time.perf_counter() - started)
"""
CLIENTS = "import boto3\nfor service in {services}: boto3.client(service)"
FUNCTIONS = {
    "authorizer": ("AuthorizerFunction", ["dynamodb"]),
    "api": ("ApiFunction", ["dynamodb", "sqs"]),
    "a2a": ("A2AFunction", ["dynamodb", "sqs"]),
    "sweeper": ("SweeperFunction", ["dynamodb", "sqs"]),
    "cleanup": ("CleanupFunction", ["dynamodb"]),
    "dead_letter": ("DeadLetterFunction", ["dynamodb", "sqs"]),
    "worker": ("WorkerFunction", ["dynamodb", "sqs", "secretsmanager"]),
}
"""By function: its logical id, and the clients that it makes."""


def run(project: Project) -> None:
    """Print the table for the functions that the stack was built with."""
    with step(f"Start each function {SAMPLES} times"):
        rows = [_row(project, name) for name in FUNCTIONS]
    table(
        f"Cold start: import and clients, median of {SAMPLES}",
        ["function", "function (s)", "floor (s)", "ratio", "aim", "floor is"],
        rows,
    )


def _row(project: Project, name: str) -> list[object]:
    logical_id, services = FUNCTIONS[name]
    built = BuiltFunction.of(project.deployed, logical_id)
    floor_code, floor_is = CLIENTS.format(services=services), f"boto3 + {', '.join(services)}"
    if name == "worker":
        floor_code, floor_is = "import anthropic", "import anthropic"
    floors, functions = [], []
    for _ in range(SAMPLES):
        floors.append(_seconds(built, floor_code))
        functions.append(_seconds(built, f"import functions.{name}.app"))
    floor, function = median(floors), median(functions)
    aim = {"authorizer": "≤ 1.2", "api": "≤ 1.7", "a2a": "≤ 2.0", "worker": "≤ 1.1"}.get(name, "")
    return [name, f"{function:.3f}", f"{floor:.3f}", f"{function / floor:.2f}", aim, floor_is]


def _seconds(built: BuiltFunction, code: str) -> float:
    """How long a fresh process takes for some lines of Python."""
    done = subprocess.run(
        [built.python, "-c", MEASURE.format(code=code)],
        env=built.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.strip().splitlines()[-1])
