"""The measured and simulated results of a run, as they are saved: everything but prices."""

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
    """A kind of task: the functions' work for it, played with a wait for Claude of ``played_seconds`` instead
    of ``seconds``. ``waiting`` is the function, if any, with a caller that waits as long. ``stored`` is what
    remains stored, for a month."""

    seconds: float
    played_seconds: float
    waiting: str | None
    parts: tuple[Part, ...]
    stored: Usage


@dataclass(frozen=True)
class Waiting:
    """A worker's usage while it waits: for each second of its own, and for each second of a task that it
    runs."""

    of_worker: Usage
    of_task: Usage


@dataclass(frozen=True)
class Load:
    """Tasks of 30 s each, by their number per second, and how they are packed."""

    a_second: float
    packing: Packing


@dataclass(frozen=True)
class Measurement:
    """``rare`` is the additional usage of a short task that is the first for minutes, so that all caches have
    expired; ``scheduled`` are the functions called by a schedule, with nothing to do; ``authorizer`` is one
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
