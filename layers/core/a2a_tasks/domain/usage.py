"""What tasks have used, and what it cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True)
class Usage:
    """Tokens by kind, model turns, web searches, and their cost."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    turns: int = 0
    cost_usd: Decimal | None = None
    """US dollars. None if a price is unknown."""
    web_searches: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.turns + other.turns,
            _sum_costs(self, other),
            self.web_searches + other.web_searches,
        )

    def __sub__(self, other: "Usage") -> "Usage":
        costs = self.cost_usd, other.cost_usd
        return Usage(
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.cache_read_tokens - other.cache_read_tokens,
            self.cache_write_tokens - other.cache_write_tokens,
            self.turns - other.turns,
            None if costs[0] is None or costs[1] is None else costs[0] - costs[1],
            self.web_searches - other.web_searches,
        )

    @property
    def tokens(self) -> int:
        """All tokens, including cached ones."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def has_tokens(self) -> bool:
        """False if the model was not reached, or refused before reading anything."""
        return self.tokens > 0


NOTHING = Usage(cost_usd=Decimal(0))
"""No usage, at a known cost."""


def _sum_costs(left: Usage, right: Usage) -> Decimal | None:
    # no usage costs nothing, and does not make the sum unknown
    if left == Usage():
        return right.cost_usd
    if right == Usage():
        return left.cost_usd
    # an unknown price makes the sum unknown, so that a limit is never checked against a partial sum
    if left.cost_usd is None or right.cost_usd is None:
        return None
    return left.cost_usd + right.cost_usd


@dataclass(frozen=True)
class Spent:
    """What one attempt used of one model."""

    attempt: int
    model: str
    usage: Usage
    task_id: str | None = None
    """The started task that used it. None for the task's own turns."""
    reserved: bool = False
    """An upper bound, written before anything is bought so that a crash leaves it counted: for a turn
    under way, or a started task that has not ended."""


def spend(spent: tuple[Spent, ...], attempt: int, used: Mapping[str, Usage]) -> tuple[Spent, ...]:
    """``spent`` plus the task's own usage, by model."""
    for model, usage in used.items():
        spent = _spend(spent, attempt, model, usage)
    return spent


def _spend(spent: tuple[Spent, ...], attempt: int, model: str, usage: Usage) -> tuple[Spent, ...]:
    if usage == Usage():
        return spent
    for n, entry in enumerate(spent):
        if (entry.attempt, entry.model, entry.task_id, entry.reserved) == (attempt, model, None, False):
            return (*spent[:n], Spent(attempt, model, entry.usage + usage), *spent[n + 1 :])
    return (*spent, Spent(attempt, model, usage))


def with_child(
    spent: tuple[Spent, ...], attempt: int, task_id: str, child: tuple[Spent, ...]
) -> tuple[Spent, ...]:
    """``spent`` with what a started task has used. Idempotent."""
    # replaced, not added: a worker that takes over the task reads the same result again
    others = tuple(entry for entry in spent if entry.task_id != task_id)
    return others + tuple(Spent(attempt, model, usage, task_id) for model, usage in by_model(child).items())


def reserve(
    spent: tuple[Spent, ...], attempt: int, model: str, usage: Usage, task_id: str | None = None
) -> tuple[Spent, ...]:
    """``spent`` plus a reservation for a turn, or for a task that is about to be started."""
    return (*spent, Spent(attempt, model, usage, task_id, reserved=True))


def released(spent: tuple[Spent, ...], task_id: str | None = None) -> tuple[Spent, ...]:
    """``spent`` without the reservation for the turn under way, or for a started task."""
    return tuple(entry for entry in spent if not entry.reserved or entry.task_id != task_id)


def reserved_for(spent: Iterable[Spent], task_id: str | None = None) -> Usage | None:
    """The reservation for the turn under way, or for a started task."""
    found = [entry.usage for entry in spent if entry.reserved and entry.task_id == task_id]
    return sum(found, Usage()) if found else None


def as_used(spent: tuple[Spent, ...]) -> tuple[Spent, ...]:
    """``spent`` with reservations for turns counted as used, because their actual usage will never be
    known."""
    used = released(spent)
    for entry in spent:
        if entry.reserved and entry.task_id is None:
            used = _spend(used, entry.attempt, entry.model, entry.usage)
    return used


def after_takeover(spent: tuple[Spent, ...], open_children: Iterable[str]) -> tuple[Spent, ...]:
    """``spent`` as a worker takes it over from a dead one: a turn under way counts as used, and
    reservations for tasks that were never started, or whose call is answered, are released."""
    waited_for = set(open_children)
    return tuple(e for e in as_used(spent) if not e.reserved or e.task_id in waited_for)


def own_usage(spent: Iterable[Spent]) -> Usage:
    """Cost and tokens (all as input tokens) of the task's own turns, as its project's day counts them.
    Started tasks count for themselves."""
    mine = [entry.usage for entry in spent if entry.task_id is None]
    return Usage(
        input_tokens=sum(usage.tokens for usage in mine),
        cost_usd=sum((usage.cost_usd or Decimal(0) for usage in mine), Decimal(0)),
    )


def total(spent: Iterable[Spent]) -> Usage:
    """The sum of all entries."""
    return sum((entry.usage for entry in spent), Usage())


def total_of(used: Mapping[str, Usage]) -> Usage:
    """The sum of all models."""
    return sum(used.values(), Usage())


def by_model(spent: Iterable[Spent]) -> dict[str, Usage]:
    """Sums by model."""
    sums: dict[str, Usage] = {}
    for entry in spent:
        sums[entry.model] = sums.get(entry.model, Usage()) + entry.usage
    return sums


def bill(spent: tuple[Spent, ...]) -> dict[str, Usage]:
    """What an ended task's own turns used, by model, for reports; started tasks have bills of their own."""
    # a turn in progress counts at its estimate, because its actual cost will never be known
    mine = by_model(entry for entry in as_used(spent) if entry.task_id is None)
    return {model: replace(usage, web_searches=0) for model, usage in mine.items()}


def by_attempt(spent: Iterable[Spent]) -> dict[int, Usage]:
    """Sums by attempt."""
    sums: dict[int, Usage] = {}
    for entry in spent:
        sums[entry.attempt] = sums.get(entry.attempt, Usage()) + entry.usage
    return sums
