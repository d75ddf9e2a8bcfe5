"""WeCom's verification of a callback URL, which waits for one second, a cold start included."""

import time
from dataclasses import dataclass, field

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.wecom.connection_definition import parse_connection
from a2actl.terminal.language import Language
from a2actl.wecom.connections import apply_one, found_connection, secrets_of
from a2actl.wecom.file import FoundConnection
from a2actl.wecom.trial import WECOM_WAITS_SECONDS, Trial
from a2actl.wecom.view import callback_url
from tests.smoke.check import expect
from tests.smoke.live_version import live_configuration, reconfigured
from tests.smoke.run import Run

READY_SECONDS = 60


@dataclass
class Stopwatch:
    """Keeps the moments at which it was looked at: two for each request of a trial."""

    moments: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.moments.append(time.perf_counter())
        return self.moments[-1]

    @property
    def first_seconds(self) -> float:
        return self.moments[1] - self.moments[0]


def verified_after_a_cold_start(run: Run) -> str:
    deployment, connection_id = run.target.deployment, run.tenant.project_id
    definition = parse_connection({"id": connection_id, "kind": "bot", "agentId": run.tenant.agent_id})
    apply_one(deployment, FoundConnection("smoke", definition), run.tenant.project_id)
    connection = found_connection(deployment, connection_id)
    watch = Stopwatch()
    trial = Trial(
        connection=connection,
        url=callback_url(connection, run.target.api_url),
        secrets=secrets_of(deployment, connection_id),
        language=Language.EN,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        stopwatch=watch,
    )
    # a version of its own starts in new environments, if only its description differs
    described = live_configuration(run.target, "Wecom").get("Description", "")
    with reconfigured(run.target, "Wecom", run.time_limit, READY_SECONDS, Description=f"{described} "):
        for finding in trial.findings(send=False):
            if len(watch.moments) < 2:
                expect(finding.is_good, finding.text)
    cold = watch.first_seconds
    if run.target.is_emulated:
        return f"correct after {cold:.2f} s; the duration only counts on a real deployment"
    expect(
        cold <= WECOM_WAITS_SECONDS,
        f"a cold start took {cold:.2f} s, and WeCom waits for 1 s; if far from the region, try closer",
    )
    return f"correct after {cold:.2f} s with a cold start, including TLS and the network"
