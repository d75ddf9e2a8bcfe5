"""How several processes share one sweep."""

from typing import Protocol


class ShardLeases(Protocol):
    """Which process is at a shard. All methods raise ``StoreUnavailable``."""

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        """Have a shard for oneself until then (Unix milliseconds), or for longer than before; False if
        another has it at ``now``."""
        ...

    def give_back(self, shard: int, holder: str) -> None:
        """Idempotent; what another has stays."""
        ...


class Helpers(Protocol):
    def call(self, shard: int) -> bool:
        """Ask for another process that sweeps a shard; False if it was not taken on. It may be lost, and it
        may come twice."""
        ...
