"""A measurement of round figures."""

from bench.bill.measurement import Kind, Load, Measurement, Waiting
from bench.bill.part import Part
from bench.bill.prices import Unit
from bench.bill.usage import Usage
from tests.load.packing import Packing

A_MINUTE = 1 / 60
GB = 1024**3
ALONE = Packing(seconds=31, invocations=1, receives=1, workers=0.5, room=10)
SHARED = Packing(seconds=4, invocations=0.1, receives=0.2, workers=400, room=10)
WORKER = Part("Worker", 2_048, 1, used=Usage({Unit.WRITE_UNITS: 5}))
SWEEPER = Part("Sweeper", 1_024, 1, used=Usage({Unit.READ_UNITS: 10}))
API = Part("Api", 1_024, 2, cpu_seconds=0.01, calls={"dynamodb": 3}, used=Usage({Unit.API_REQUESTS: 2}))


def measurement(**kinds: Kind) -> Measurement:
    return Measurement(
        measured_on="2026-01-01",
        kinds=kinds,
        rare=Usage({Unit.READ_UNITS: 4, Unit.SECRET_READS: 1}),
        authorizer=Part("Authorizer", 1_024, 1, used=Usage({Unit.READ_UNITS: 1})),
        scheduled={"Sweeper": SWEEPER},
        waiting=Waiting(Usage({Unit.SQS_REQUESTS: 2}), Usage({Unit.READ_UNITS: 1})),
        loads=(Load(A_MINUTE, ALONE), Load(100, SHARED)),
        metrics=("Sweeps", "TasksCreated"),
        idle_metrics=("Sweeps",),
        secrets=1,
    )


def kind(seconds: float = 30, played: float = 0, waiting: str | None = None) -> Kind:
    return Kind(seconds, played, waiting, (API, WORKER), Usage({Unit.TABLE_GB: 1}))
