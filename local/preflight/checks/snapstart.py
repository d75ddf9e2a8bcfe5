"""SnapStart is available for the functions that use it, and what it costs."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "SnapStart"
WITHOUT = frozenset({"ap-east-2", "ap-southeast-6"})
"""Regions without it: Taipei and New Zealand (AWS Lambda Developer Guide, "Improving startup performance
with Lambda SnapStart", November 2026)."""
MOST_STORAGE_MB = 512
MOST_WORKER_TASKS = 45
"""Holds their workspaces of 10 MB, and those of the places that a worker keeps for others."""
RUNTIMES = frozenset({"python3.12", "python3.13", "python3.14"})
CACHED_USD_PER_GB_SECOND = 0.0000015046
RESTORED_USD_PER_GB = 0.0001397998
"""AWS Lambda pricing, us-east-1, November 2026."""
MONTH_SECONDS = 30 * 24 * 3600


def check_snapstart(target: Target) -> Iterator[Finding]:
    functions = {
        name: function
        for name, function in target.of_type("AWS::Lambda::Function").items()
        if function.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    }
    if not functions:
        return
    problems = [f"{name} has {why}" for name, function in functions.items() for why in _against(function)]
    if target.region in WITHOUT:
        problems.append(f"{target.region} does not have it")
    for problem in problems:
        yield Finding.fault(SUBJECT, problem, "Set SnapStart=off in samconfig.toml.")
    tasks = int(target.parameters.get("WorkerTasks", 0))
    if tasks > MOST_WORKER_TASKS:
        problems.append(f"the files of WorkerTasks={tasks} do not fit in {MOST_STORAGE_MB} MB")
        yield Finding.fault(
            SUBJECT, problems[-1], f"Set WorkerTasks={MOST_WORKER_TASKS} in samconfig.toml, or less."
        )
    if not problems:
        gigabytes = sum(int(function["MemorySize"]) for function in functions.values()) / 1024
        cached = gigabytes * CACHED_USD_PER_GB_SECOND * MONTH_SECONDS
        yield Finding.ok(
            SUBJECT,
            f"{' and '.join(functions)}: the snapshots of a release cost {cached:.2f} USD a month,"
            f" and a million starts {gigabytes * RESTORED_USD_PER_GB * 1_000_000:.0f} USD together",
        )


def _against(function: Mapping[str, Any]) -> Iterator[str]:
    """Settings that Lambda does not support together with SnapStart."""
    if function.get("Runtime") not in RUNTIMES:
        yield f"the runtime {function.get('Runtime')}"
    if function.get("FileSystemConfigs"):
        yield "a file system (EFS)"
    if int(function.get("EphemeralStorage", {}).get("Size", MOST_STORAGE_MB)) > MOST_STORAGE_MB:
        yield f"more than {MOST_STORAGE_MB} MB in /tmp"
    if "AWS_LAMBDA_EXEC_WRAPPER" in function.get("Environment", {}).get("Variables", {}):
        yield "a runtime of its own, which does not run the hooks"
