"""Releases in trees of their own, deployed one over the other to one local stack."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.builds.previous_release import Release
from local.stack.local_stack import Deployment, LocalStack
from local.tools import ROOT

DEPLOY = Path(__file__).with_name("deploy.py")
DEPLOY_SECONDS = 1_200
ALIAS = "live"
TOOLS = "local/requirements/locked"


@dataclass(frozen=True)
class Upgraded:
    """A stack that releases are deployed to."""

    stack: LocalStack
    ports: Path

    def deploy(self, release: Release, **parameters: str) -> Deployment:
        """With that release's own template, build and tools."""
        share_tools(release.tree)
        paths = [release.tree, release.tree / "layers" / "core", release.tree / "cli"]
        done = subprocess.run(
            [
                sys.executable,
                "-P",
                str(DEPLOY),
                str(self.stack.folder),
                str(self.ports),
                json.dumps(parameters),
            ],
            cwd=release.tree,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=DEPLOY_SECONDS,
        )
        return Deployment(**json.loads(done.stdout.splitlines()[-1]))

    def versions(self) -> dict[str, str]:
        """The version that each function's alias leads to."""
        functions = self._client("lambda")
        names = [found["FunctionName"] for found in functions.list_functions()["Functions"]]
        return {
            name: functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
            for name in names
            if name.startswith(f"{self.stack.stack_name}-")
        }

    def share(self, others: dict[str, str], share: float) -> None:
        """Let a share of each function's calls go to another version, as CodeDeploy does; none with 0."""
        functions = self._client("lambda")
        for name, version in others.items():
            weights = {version: share} if share else {}
            functions.update_alias(
                FunctionName=name, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": weights}
            )

    def ran(self, function: str) -> set[str]:
        """The versions of a function that have logged anything, by the names of its log streams."""
        pages = (
            self._client("logs")
            .get_paginator("describe_log_streams")
            .paginate(logGroupName=f"/aws/lambda/{self.stack.stack_name}-{function}")
        )
        streams = (stream["logStreamName"] for page in pages for stream in page["logStreams"])
        return {name.partition("[")[2].partition("]")[0] for name in streams}

    def _client(self, service: Any) -> Any:
        return self.stack.session().client(service, endpoint_url=self.stack.endpoint_url)


def share_tools(tree: Path) -> None:
    """Let a release use what is installed and built here already, where it pins the same tools."""
    local = tree / ".local"
    if tree == ROOT or local.exists():
        return
    local.mkdir()
    if _pinned(tree) == _pinned(ROOT):
        for name in ("tools", "builds"):
            (ROOT / ".local" / name).mkdir(parents=True, exist_ok=True)
            (local / name).symlink_to(ROOT / ".local" / name)


def _pinned(tree: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tree / TOOLS).glob("*.txt")}
