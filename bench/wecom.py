"""How long WeCom waits when an administrator presses Save and the function is cold.

Each sample is a process of its own, on the emulator's Python with the built layers on the path: it imports
the function, creates its clients, reads the connection and its secret, and answers. WeCom waits one second.
"""

import json
import subprocess
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.report import step, table
from bench.support.built_function import BuiltFunction
from local.deployed import Project
from local.wecom.callbacks.envelope import Envelope
from local.wecom.client import WeComClient
from local.wecom.running import running_wecom
from local.wecom.settings import Bot
from local.wecom_connection import connect_bot
from tests.integration.support.event_files import load_event

SAMPLES = 9
CONNECTION = "bench-wecom"
VERIFY = """
import json, sys, time
event = json.load(open(sys.argv[1]))
started = time.perf_counter()
import functions.wecom.app as app
imported = time.perf_counter()
cold = app.handler(event, None)
answered = time.perf_counter()
warm = app.handler(event, None)
done = time.perf_counter()
assert cold["statusCode"] == warm["statusCode"] == 200, cold
print(imported - started, answered - started, done - answered)
"""


def run(project: Project) -> None:
    """Print the time of a cold start with the verification, the import's part of it, and a warm
    verification."""
    with running_wecom() as wecom, TemporaryDirectory() as folder:
        agent_id = project.apply({"id": "wecom", "name": "WeCom", "systemPrompt": "You answer."})
        deployed = project.deployed
        connect_bot(deployed.stack, deployed.deployment, wecom, CONNECTION, project.project_id, agent_id)
        built = BuiltFunction.of(deployed, "WecomFunction")
        with step(f"Verify a URL {SAMPLES} times from a cold start"):
            samples = [_sample(built, wecom, Path(folder) / "event.json") for _ in range(SAMPLES)]
    shown = [f"{median(values):.3f}" for values in zip(*samples, strict=True)]
    table(
        f"WeCom verifies a URL (it waits 1 s): median of {SAMPLES}",
        ["", "import and clients (s)", "cold, to the answer (s)", "warm (s)"],
        [["wecom", *shown]],
    )


def _sample(built: BuiltFunction, wecom: WeComClient, path: Path) -> tuple[float, float, float]:
    path.write_text(json.dumps(_event(wecom.settings().bot)))
    done = subprocess.run(
        [built.python, "-c", VERIFY, str(path)],
        env=built.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    cold_import, cold, warm = (float(part) for part in done.stdout.split())
    return cold_import, cold, warm


def _event(bot: Bot) -> dict[str, Any]:
    """A verification that WeCom would send now."""
    sealed = Envelope(bot.token, bot.encoding_aes_key, "").seal("4711", time.time_ns() // 1_000_000)
    query = sealed.query | {"echostr": sealed.encrypt}
    return load_event("wecom_verify_url") | {
        "pathParameters": {"connectionId": CONNECTION},
        "queryStringParameters": query,
    }
