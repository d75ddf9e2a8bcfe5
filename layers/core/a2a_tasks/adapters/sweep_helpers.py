"""Additional invocations of the sweeper, each for one shard."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class FunctionHelpers:
    """``Helpers``: invokes ``function`` asynchronously. What it invokes must not invoke anything itself, or
    sweeps would multiply."""

    client: "Callable[[], LambdaClient]"
    function: str
    telemetry: Telemetry

    def start(self, shard: int) -> bool:
        try:
            self.client().invoke(
                FunctionName=self.function,
                # asynchronous, so that waiting is not billed. Lambda may run it twice, which the shard's
                # lease handles
                InvocationType="Event",
                Payload=json.dumps({"shard": shard}).encode(),
            )
        except (ClientError, BotoCoreError) as error:
            # throttled or not allowed: the caller sweeps the shard itself, which only takes longer
            self.telemetry.problem("sweep helper not started", shard=shard, reason=str(error))
            return False
        return True
