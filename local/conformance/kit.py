"""The kit: a checkout outside this repository, with its own environment here."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local.tools import ROOT, ToolEnvironment, ToolError, run_tool

TIMEOUT_SECONDS = 1800
BINDINGS = ("jsonrpc", "http_json")
# pytest's exit codes for a complete run.
_PASSED, _FAILED = 0, 1
_SHOWN_LINES = 30


@dataclass(frozen=True)
class Result:
    """``level`` is must, should or may; ``binding`` is empty if the test belongs to none; ``outcome`` is
    passed, failed or skipped."""

    id: str
    level: str
    binding: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Kit:
    """``folder`` is the checkout, which is only read; results are written to ``output``."""

    folder: Path
    output: Path

    @property
    def environment(self) -> ToolEnvironment:
        return ToolEnvironment("conformance", self.folder / "pyproject.toml")

    @property
    def log(self) -> Path:
        return self.output / "kit.log"

    def check(self) -> None:
        """Raises ToolError if the folder has no kit."""
        if not (self.folder / "tests" / "compatibility").is_dir():
            raise ToolError(
                f"{self.folder} is not a checkout of the conformance kit. Clone it outside this repository:\n"
                "git clone -b 1.0-dev https://github.com/a2aproject/a2a-tck DIR"
            )

    def commit(self) -> str:
        return run_tool(["git", "-C", str(self.folder), "rev-parse", "HEAD"]).strip()

    def run(self, address: str) -> list[Result]:
        """Run all tests against the agent at an address. Raises ToolError if the run is aborted."""
        self.output.mkdir(parents=True, exist_ok=True)
        results = self.output / "results.jsonl"
        results.unlink(missing_ok=True)
        command = [
            *(self.environment.program("python"), "-m", "pytest", "-q", "--tb=short"),
            *("-p", "recorder", "-p", "no:cacheprovider"),
            *("tests/compatibility", f"--sut-host={address}", f"--transport={','.join(BINDINGS)}"),
        ]
        with self.log.open("w") as log:
            try:
                done = subprocess.run(
                    command,
                    cwd=self.folder,
                    env=_environment(results),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=TIMEOUT_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ToolError(f"The kit did not end within {TIMEOUT_SECONDS} s; see {self.log}.") from None
        if done.returncode not in (_PASSED, _FAILED):
            end = "\n".join(self.log.read_text().splitlines()[-_SHOWN_LINES:])
            raise ToolError(f"The kit ended with status {done.returncode}:\n{end}")
        return [Result(**json.loads(line)) for line in results.read_text().splitlines()]


def _environment(results: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT / "local" / "conformance"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CONFORMANCE_RESULTS": str(results),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
