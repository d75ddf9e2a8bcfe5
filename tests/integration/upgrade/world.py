"""A release at work on an account that other releases work on too."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.support.account import PROJECT, record_of
from tests.integration.support.caller import Caller

DRIVER = Path(__file__).with_name("driver.py")
QUEUES = ("UrgentTaskQueue", "TaskQueue")


class Failed(Exception):
    """A function of the release raised; the text is its traceback."""


@dataclass
class World:
    """``resources`` and ``overrides`` (of functions' environments) are set once the account is made."""

    tree: Path
    variables: Mapping[str, str]
    resources: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None

    @property
    def api(self) -> Caller:
        """A caller of the project, whom this release answers."""
        return Caller(lambda event, _: self.invoke("api", event), PROJECT)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """What the driver answers. Raises ``Failed``."""
        self.begin(operation, **arguments)
        process = self._running()
        assert process.stdout is not None
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["answer"]

    def begin(self, operation: str, **arguments: Any) -> None:
        """Ask without waiting for the answer, which nobody gets: ``kill`` follows."""
        stdin = self._running().stdin
        assert stdin is not None
        stdin.write(json.dumps([operation, arguments]) + "\n")
        stdin.flush()

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        return self.ask("invoke", **self._call(function, event))

    def work(self, sqs: Any) -> int:
        """Give the worker all messages that are visible; how many they were."""
        count = 0
        for queue in QUEUES:
            records = self._receive(sqs, queue)
            if records:  # the worker deletes the messages of what it has ended itself
                self.invoke("worker", {"Records": records})
            count += len(records)
        return count

    def begin_work(self, sqs: Any) -> None:
        """The same with the messages of new tasks, without waiting for the worker's end."""
        records = self._receive(sqs, "TaskQueue")
        self.begin("invoke", **self._call("worker", {"Records": records}))

    def kill(self) -> None:
        """End the process in the middle of what it does; the next call starts another."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "function": function, "event": event, "resources": self.resources, "overrides": self.overrides,
        }  # fmt: skip

    def _receive(self, sqs: Any, queue: str) -> list[dict[str, Any]]:
        answer = sqs.receive_message(
            QueueUrl=self.resources[queue],
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [record_of(message, queue) for message in answer.get("Messages", [])]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            paths = [self.tree, self.tree / "layers" / "core", self.tree / "cli"]
            own = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PATH": os.environ["PATH"]}
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(DRIVER)],
                cwd=self.tree,
                env={**self.variables, **own},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        return self._process


@contextmanager
def at_work(tree: Path, variables: Mapping[str, str]) -> Iterator[World]:
    world = World(tree, variables)
    try:
        yield world
    finally:
        world.kill()
