"""Event source mappings, by which queues trigger functions."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2actl.terminal.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ENABLED, DISABLED = "Enabled", "Disabled"
PATIENCE_SECONDS = 180.0
"""Lambda takes up to a minute or so to start or stop polling a queue."""
POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Triggers:
    """Starts and stops the delivery of queues' messages. What AWS raises passes through."""

    client: "LambdaClient"
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def states(self, queue_arn: str) -> dict[str, str]:
        """The states of a queue's mappings, such as ``Enabled``, by their ids.

        They are found by the queue, since a mapping may be one of an alias: then it is not listed under the
        function's name.
        """
        pages = self.client.get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
        return {found["UUID"]: found["State"] for page in pages for found in page["EventSourceMappings"]}

    def switch(self, queue_arns: Iterable[str], wanted: str, tell: Callable[[str], None]) -> None:
        """Have all mappings of the queues in the state ``wanted``, ``ENABLED`` or ``DISABLED``. Idempotent.
        ``tell`` hears what is waited for.

        Raises ``Fault`` where a queue has none, or the last one has not changed after ``PATIENCE_SECONDS``.
        """
        arns = list(queue_arns)
        until, told = self.monotonic() + PATIENCE_SECONDS, ""
        while left := {arn: states for arn in arns if (states := self._others(arn, wanted))}:
            for states in left.values():
                for mapping_id, state in states.items():
                    if state in (ENABLED, DISABLED):  # while it changes, Lambda refuses another change
                        self._change(mapping_id, wanted)
            if self.monotonic() >= until:
                raise Fault(f"After {PATIENCE_SECONDS:.0f} s {_listed(left)}; run the same command again.")
            if (now := _listed(left)) != told:
                tell(f"{now} …")
                told = now
            self.sleep(POLL_SECONDS)

    def sleep_until(self, moment: float) -> None:
        """Wait until ``monotonic`` says so."""
        self.sleep(max(0.0, moment - self.monotonic()))

    def _others(self, arn: str, wanted: str) -> dict[str, str]:
        """A queue's mappings that are not in the wanted state."""
        states = self.states(arn)
        if not states:
            raise Fault(f"The queue {_name(arn)} triggers no function; deploy the stack again.")
        return {mapping_id: state for mapping_id, state in states.items() if state != wanted}

    def _change(self, mapping_id: str, wanted: str) -> None:
        try:
            self.client.update_event_source_mapping(UUID=mapping_id, Enabled=wanted == ENABLED)
        except self.client.exceptions.ResourceInUseException:
            return  # another process is changing it, so it is read again


def _listed(left: dict[str, dict[str, str]]) -> str:
    states = (f"{_name(arn)} is {', '.join(sorted(set(found.values())))}" for arn, found in left.items())
    return "; ".join(states)


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
