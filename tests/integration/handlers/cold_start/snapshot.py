"""Initializes a function, forks it twice, and prints what each copy does, as JSON.

Started with the function's module. A snapshot of Lambda's copies all memory, while
``os.fork`` has Python seed ``random`` anew; so each copy is given back what the first process had.
"""

import asyncio
import importlib
import json
import os
import random
import sys
from typing import Any

import snapshot_restore_py as hooks

from a2a_tasks.wiring.tasks import TaskWiring

AGENT = "agent"


def main(module: str) -> None:
    app: Any = importlib.import_module(module)
    wired: TaskWiring = app._tasks if "worker" in module else app.services.wired
    wired.registry.agent(AGENT)  # a connection that is open when the snapshot is taken
    seed = random.getstate()
    sys.stdout.write(json.dumps([_copy(app, wired, seed) for _ in range(2)]))


def _copy(app: Any, wired: TaskWiring, seed: Any) -> Any:
    reading, writing = os.pipe()
    if os.fork() == 0:
        random.setstate(seed)
        for call, args, options in hooks.get_after_restore():
            call(*args, **options)
        os.write(writing, json.dumps(_served(app, wired)).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        told = answer.read()
    os.wait()
    return json.loads(told)


def _served(app: Any, wired: TaskWiring) -> dict[str, Any]:
    wired.registry.agent(AGENT)
    return {
        "jitter": wired.entropy.fraction(),
        "id": wired.entropy.bytes(8).hex(),
        "now": wired.clock.now(),
        "worker": asyncio.run(app.executor.heartbeat.worker_id()) if hasattr(app, "executor") else None,
    }


if __name__ == "__main__":
    main(sys.argv[1])
