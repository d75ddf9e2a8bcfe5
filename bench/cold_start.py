"""Import plus client creation of every built function, against an empty one with boto3 and the same clients.

Each sample is a process of its own, on the emulator's Python (with its own boto3, as in Lambda) with the
built layers on the path. Imports do not wait, so processor time is measured, and baseline and function
alternate: a noisy machine changes little. The breakdown by package is Python's for one import (``-X
importtime``, which has some overhead of its own); a function's own modules include its clients' creation.
"""

import json
import re
import subprocess
from collections import Counter
from statistics import median

from bench.report import step, table
from bench.support.built_function import BuiltFunction
from local.deployed import Project
from tests.integration.support.template import resource_properties, resources_of_type

SAMPLES = 9
HEAVIEST = 5
MEASURE = """
import time
{before}
started = time.process_time()
{code}
print(time.process_time() - started)
"""
CLIENTS = "import boto3\nfor service in {services}: boto3.client(service)"
LOOK = """
import json, sys
from botocore.session import Session
made, make = [], Session.create_client
Session.create_client = lambda self, name, **options: made.append(name) or make(self, name, **options)
import {module}
print(json.dumps([made, len(sys.modules)]))
"""
IMPORTED = re.compile(r"import time: +(\d+) \| +\d+ \| +(\w+)")
"""A module's own microseconds, without those of its imports, and its package."""
SDK = "import anthropic"
USES_SDK = frozenset({"Worker", "Batcher"})
AIMS = {"Authorizer": "≤ 1.2", "Api": "≤ 1.5", "A2A": "≤ 2.0", "Worker": "≤ 1.05"}
RESTORE = "snapstart.become_own_process()"
"""The remaining work of a process restored from a snapshot before its first request
(docs/decisions/aws.md)."""


def run(project: Project) -> None:
    """Print the tables for the functions that the stack was built with."""
    functions = _functions(project)
    rows, imports = [], []
    for name, built in functions.items():
        with step(f"Start {name} {SAMPLES} times"):
            looked = _output(built, LOOK.format(module=built.module))
            clients, modules = json.loads(looked)
            rows.append(_row(name, built, clients))
            imports.append([name, modules, _heaviest(built)])
    table(
        f"Cold start: import and clients, median of {SAMPLES}",
        ["function", "function (s)", "floor (s)", "ratio", "aim", "restored (ms)", "floor is"],
        rows,
    )
    table("Imports, with clients", ["function", "modules", f"the {HEAVIEST} heaviest packages (ms)"], imports)


def _functions(project: Project) -> dict[str, BuiltFunction]:
    """By name; functions with the same code only once."""
    by_module: dict[str, tuple[str, BuiltFunction]] = {}
    for logical_id in resources_of_type("AWS::Serverless::Function"):
        built = BuiltFunction.of(project.deployed, logical_id)
        by_module.setdefault(built.module, (logical_id.removesuffix("Function"), built))
    return dict(by_module.values())


def _row(name: str, built: BuiltFunction, clients: list[str]) -> list[object]:
    floor_code = CLIENTS.format(services=clients)
    floor_is = f"boto3 + {', '.join(clients)}"
    if name in USES_SDK:
        floor_code, floor_is = f"{SDK}\n{floor_code}", f"anthropic, {floor_is}"
    floors, functions = [], []
    for _ in range(SAMPLES):
        floors.append(_seconds(built, floor_code))
        functions.append(_seconds(built, f"import {built.module}"))
    floor, function = median(floors), median(functions)
    ratio = f"{function / floor:.2f}"
    return [
        name,
        f"{function:.3f}",
        f"{floor:.3f}",
        ratio,
        AIMS.get(name, ""),
        _restored(name, built),
        floor_is,
    ]


def _restored(name: str, built: BuiltFunction) -> str:
    """Milliseconds of the hooks after a restore; empty for functions without snapshots."""
    if "SnapStart" not in resource_properties(f"{name}Function"):
        return ""
    before = f"import {built.module}\nfrom a2a_tasks.adapters import snapstart"
    return f"{1000 * median(_seconds(built, RESTORE, before) for _ in range(SAMPLES)):.1f}"


def _heaviest(built: BuiltFunction) -> str:
    told = _process(built, f"import {built.module}", "-X", "importtime").stderr
    spent: Counter[str] = Counter()
    for microseconds, package in IMPORTED.findall(told):
        spent[package] += int(microseconds)
    heaviest = spent.most_common(HEAVIEST)
    return ", ".join(f"{package} {microseconds // 1000}" for package, microseconds in heaviest)


def _seconds(built: BuiltFunction, code: str, before: str = "") -> float:
    """Processor time of a fresh process for some lines of Python, without that of the preceding lines."""
    return float(_output(built, MEASURE.format(before=before, code=code)))


def _output(built: BuiltFunction, code: str) -> str:
    """The last line of a fresh process's output."""
    return _process(built, code).stdout.strip().splitlines()[-1]


def _process(built: BuiltFunction, code: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [built.python, *options, "-c", code],
        env=built.environment,
        capture_output=True,
        text=True,
        check=True,
    )
