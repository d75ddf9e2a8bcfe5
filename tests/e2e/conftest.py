"""One deployment of the real template on the emulator, for all end-to-end tests.

It has its own folder and ports, so that it never meets the stack of `make run`. The folder stays, with the
logs of all functions in it, if a test failed.
"""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL

import pytest

from local.deployed import Deployed, Project, make_project
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient
from tests.integration.support.collector import Collector, collecting

# Workers that die soon, so that long tasks need several of them; and a lease that lets a killed worker's task
# be taken over within seconds.
PARAMETERS = {"WorkerTimeoutSeconds": "120", "LeaseSeconds": "9"}
AGENTS = Path(__file__).parent / "agents.yaml"
LONG = (
    "test_aws_faults.py",
    "test_fuzz.py",
    "test_killed_at.py",
    "test_smoke.py",
    "test_faults.py",
    "test_runbook.py",
    "test_agent_loop.py",
    "test_restart.py",
    "test_concurrency.py",
    "test_wecom_app.py",
    "test_layers.py",
    "test_main_job.py",
)
"""Each takes half a minute or more: the longest first."""
ANNOUNCED_AGAIN_SECONDS = 150
"""For a task whose message may have gone to a worker as it was killed, before it had set the visibility
timeout: the sweeper announces it again within two minutes."""
UNTESTED_CONSOLE = "the console is not tested"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long first: it would be the last of all while the other worker has nothing left. Then the
    files with many tests."""
    tests = Counter(item.path for item in items)
    place = {name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: (place.get(item.path.name, len(LONG)), -tests[item.path]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where no browser can be had, the run says so where nobody overlooks it."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if found := next((reason for reason in reasons if UNTESTED_CONSOLE in reason), None):
        terminalreporter.write_line(f"WARNING: {found}", red=True, bold=True)


def discard(stack: LocalStack, *, has_failed: bool) -> None:
    """End a stack. Its folder stays if a test has failed. Otherwise nobody waits until it is deleted: it has
    10,000 files, which takes a disk up to half a minute."""
    if has_failed:
        stack.stop()
        return
    stack.kill()
    command = ["sh", "-c", 'rm -rf "$0" &', str(stack.folder)]
    subprocess.run(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, check=True)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the deployment's traces go."""
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest, collector: Collector) -> Iterator[Deployed]:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-e2e-"))
    tracing = {"TracingEndpoint": collector.url, "TracingSamplePercent": "100"}
    stack = LocalStack.separate(folder, PARAMETERS | tracing, forks_functions=True)
    try:
        deployment = stack.up()
        yield Deployed(stack, deployment, StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}"))
    finally:
        discard(stack, has_failed=bool(request.session.testsfailed))


@pytest.fixture(scope="session")
def project(deployed: Deployed) -> Project:
    return make_project(deployed, "alpha", AGENTS)


@pytest.fixture(scope="session")
def other_project(deployed: Deployed) -> Project:
    return make_project(deployed, "beta", AGENTS)
