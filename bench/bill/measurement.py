"""What a run of the bench has measured and simulated, as it is saved: everything but prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bench.bill.part import Part
from bench.bill.usage import Usage
from tests.load.packing import Packing

SAVED = Path(__file__).parents[1] / "results" / "bill.json"


@dataclass(frozen=True)
class Kind:
    """A kind of task: what the functions did for it, with ``played_seconds`` of the ``seconds`` that it waits
    for Claude, and ``waiting`` with a caller waiting as long. ``stored`` is what stays,
    for a month."""

    seconds: float
    played_seconds: float
    waiting: str | None
    parts: tuple[Part, ...]
    stored: Usage


@dataclass(frozen=True)
class Waiting:
    """What a worker uses while it waits: in a second of its own, and for each task that it carries."""

    of_worker: Usage
    of_task: Usage


@dataclass(frozen=True)
class Load:
    """Tasks a second of 30 s each, and how they are packed."""

    a_second: float
    packing: Packing


@dataclass(frozen=True)
class Measurement:
    """``rare`` is what a short task uses more if it is the first for minutes, so that no function holds
    anything; ``scheduled`` are the functions that a schedule calls, with nothing to do; ``authorizer`` is one
    call. ``metrics`` are published with traffic, ``idle_metrics`` always."""

    measured_on: str
    kinds: Mapping[str, Kind]
    rare: Usage
    authorizer: Part
    scheduled: Mapping[str, Part]
    waiting: Waiting
    loads: tuple[Load, ...]
    metrics: tuple[str, ...]
    idle_metrics: tuple[str, ...]
    secrets: int

    @classmethod
    def load(cls, path: Path = SAVED) -> "Measurement":
        return _JSON.validate_json(path.read_bytes())

    def save(self, path: Path = SAVED) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_JSON.dump_json(self, indent=1, round_trip=True) + b"\n")


_JSON = TypeAdapter(Measurement)
