"""The results of a simulated deployment."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Report:
    """Times are in seconds. ``ends`` are by status, of failures by code.

    ``unstarted`` timed out before any worker started them; ``unwritten`` are past their deadline and live at
    the end of the simulation; ``open`` are all that are live then. ``idle`` is how many of a hundred worker
    places were free, on average, while tasks waited that could have used them. ``go_on_late_max`` is the
    longest that a task waited for its next worker after it was handed over, woken or given back.
    ``told_late`` is the delay from a change to its notification in the queue, ``untold`` are changes without
    one. ``most_calls`` is the highest rate of calls of the model, by second, in any minute.
    """

    tasks: int
    seconds: float
    ends: Counter[str]
    open: int
    unwritten: int
    unstarted: int
    deadline_late_p99: float
    deadline_late_max: float
    start_late_p99: float
    start_late_max: float
    go_on_late_max: float
    told_late_p99: float
    told_late_max: float
    untold: int
    last_end: float
    idle: float
    oldest_due: float
    bought_twice: int
    cut_off: int
    killed: int
    throttled: int
    calls_per_task: float
    usd_per_million: float
    most_running: int
    most_calls: float
    bytes_held: int
    calls: Counter[str] = field(default_factory=Counter)
    """AWS calls, by operation."""
    figures: dict[str, float] = field(default_factory=dict)
    """Figures measured by the scenario itself."""
    of_project: dict[str, "Ends"] = field(default_factory=dict)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Name and value of each figure."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("calls", "of_project", "figures"):
                continue
            yield each.name.replace("_", " "), _shown(value)
        yield from ((name, _shown(value)) for name, value in self.figures.items())
        for name, count in self.calls.most_common(6):
            yield f"  {name}", f"{count / max(1, self.tasks):.2f} a task"


@dataclass
class Ends:
    """The outcomes of a project's tasks; times in seconds."""

    tasks: int = 0
    completed: int = 0
    failed: int = 0
    start_late_max: float = 0
    deadline_late_max: float = 0


def percentile(values: list[float], share: float) -> float:
    """0 if there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _shown(value: object) -> str:
    match value:
        case Counter():
            return ", ".join(f"{count:,} {name}" for name, count in value.most_common()) or "none"
        case float():
            return f"{value:,.1f}" if value < 1_000 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
