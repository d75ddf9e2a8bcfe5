"""An update of the stack while tasks are submitted."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from botocore.exceptions import ClientError

from tests.smoke.check import Failed, expect
from tests.smoke.run import Run
from tests.smoke.tenant import pong
from tests.smoke.time_limit import TimeLimit

PARAMETER = "LogLevel"
UPDATE_SECONDS = 900
LOAD_EVERY_SECONDS = 2
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NOTHING_TO_DO = "No updates are to be performed"


@dataclass
class Load:
    """The tasks submitted meanwhile, and the responses to those that were refused."""

    run: Run
    accepted: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def one_more(self) -> None:
        try:
            self.accepted.append(self.run.tenant.submit(pong()))
        except (Failed, httpx.HTTPError) as error:
            self.refused.append(str(error))


def under_load(run: Run) -> str:
    """A change of the log level, which updates every function, and back, with a task every two seconds:
    none is lost."""
    before, load = run.target.parameters[PARAMETER], Load(run)
    try:
        _update(run, run.time_limit, "DEBUG" if before != "DEBUG" else "INFO", load)
    finally:
        # its own time, so that what was changed is changed back, whatever went wrong before
        _update(run, run.time_limit.of(UPDATE_SECONDS), before, load)
    for one in load.accepted:
        run.tenant.completed(run.time_limit.of(300), one)
    refused = f"{len(load.refused)} of {len(load.accepted) + len(load.refused)} tasks were refused"
    expect(not load.refused, f"{refused}: {load.refused[:1]}")
    expect(bool(load.accepted), "no task was created during the update")
    return f"two updates in {run.time_limit.spent:.0f} s; all {len(load.accepted)} tasks completed"


def _update(run: Run, time_limit: TimeLimit, level: str, load: Load) -> None:
    """Raises ``Failed`` and ``TimeoutError``."""
    client, name = run.target.client("cloudformation"), run.target.name

    def is_over() -> str:
        load.one_more()
        status: str = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return "" if status.endswith("_IN_PROGRESS") else status

    time_limit.until(is_over, UPDATE_SECONDS, f"the end of an earlier update of {name}")
    others = [other for other in run.target.parameters if other != PARAMETER]
    parameters: list[dict[str, Any]] = [{"ParameterKey": PARAMETER, "ParameterValue": level}]
    parameters += [{"ParameterKey": other, "UsePreviousValue": True} for other in others]
    try:
        client.update_stack(
            StackName=name, UsePreviousTemplate=True, Parameters=parameters, Capabilities=CAPABILITIES
        )
    except ClientError as error:
        if NOTHING_TO_DO in str(error):
            return
        raise
    status = time_limit.until(is_over, UPDATE_SECONDS, f"the update of {name}", every=LOAD_EVERY_SECONDS)
    if status != "UPDATE_COMPLETE":
        raise Failed(f"the update ended as {status}")
