"""Shard leases in memory, and helpers that are called and run when the test lets them."""

from dataclasses import dataclass, field


@dataclass
class MemoryShardLeases:
    """``ShardLeases``: the holder of each shard, and until when."""

    rows: dict[int, tuple[str, int]] = field(default_factory=dict)

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        current, over_at = self.rows.get(shard, (holder, 0))
        if current != holder and over_at > now:
            return False
        self.rows[shard] = (holder, until)
        return True

    def give_back(self, shard: int, holder: str) -> None:
        if self.rows.get(shard, ("", 0))[0] == holder:
            del self.rows[shard]


@dataclass
class CalledHelpers:
    """``Helpers``: the requested shards, in order. With ``refuses`` no helper is available."""

    called: list[int] = field(default_factory=list)
    refuses: bool = False

    def start(self, shard: int) -> bool:
        if not self.refuses:
            self.called.append(shard)
        return not self.refuses
