"""No more tasks of an agent at a time than it allows, whatever crashes.

How long that takes is shown on a clock of its own by tests/unit/concurrency/test_concurrency.py.
"""

import contextlib
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from local.deployed import Deployed, Project

TASKS = 200
LIMIT = 5
SECONDS = 0.5
KILLS = 3


def test_two_hundred_tasks_five_at_a_time_with_crashes(deployed: Deployed, project: Project) -> None:
    agent_id = project.id_of("limited")
    message = f"[[standin: delay={SECONDS}; say=done]] e2e-limited"
    stop = threading.Event()
    killer = threading.Thread(target=kill_now_and_then, args=(deployed, stop))
    with ThreadPoolExecutor(8) as callers:
        accepted = list(callers.map(lambda _: project.submit(message, agent_id), range(TASKS)))
    killer.start()
    try:
        tasks = [project.wait(task, seconds=400) for task in accepted]
    finally:
        stop.set()
        killer.join()
    assert {task["status"] for task in tasks} == {"completed"}
    assert deployed.standin.concurrency("e2e-limited").max_open == LIMIT


def kill_now_and_then(deployed: Deployed, stop: threading.Event) -> None:
    """Kill a random worker, and with it all that it has under way, at random moments."""
    chance = random.Random(5)  # noqa: S311  the same moments in each run
    for _ in range(KILLS):
        if stop.wait(chance.uniform(3, 9)):
            return
        if processes := deployed.worker_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(processes), signal.SIGKILL)
