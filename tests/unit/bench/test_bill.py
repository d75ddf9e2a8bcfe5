"""The bill is what was measured, times prices, and workers as they were simulated."""

from dataclasses import replace

import pytest

from bench.bill import bill
from bench.bill.measurement import Measurement
from bench.bill.part import PLATFORM_BYTES, Part, invoked
from bench.bill.prices import PRICES, SOURCES, Service, Unit
from bench.bill.usage import Usage
from tests.unit.bench.measured import A_MINUTE, API, GB, WORKER, kind, measurement

A_SECOND = 1.0


def test_every_unit_has_a_price_and_every_price_a_page() -> None:
    assert set(PRICES) == set(Unit)
    assert {price.service for price in PRICES.values()} == set(SOURCES) == set(Service)


def test_a_price_is_of_so_many() -> None:
    assert Usage({Unit.WRITE_UNITS: 2_000_000, Unit.KMS_KEYS: 3}).usd == pytest.approx(1.25 + 3)


def test_usages_add_up_unit_by_unit() -> None:
    usage = Usage({Unit.SQS_REQUESTS: 1, Unit.KMS_KEYS: 1}) + Usage({Unit.SQS_REQUESTS: 2}) * 3
    assert usage.units == {Unit.SQS_REQUESTS: 7, Unit.KMS_KEYS: 1}
    assert usage.of(Service.KMS).units == {Unit.KMS_KEYS: 1}


def test_less_memory_takes_longer_for_the_same_work() -> None:
    part = Part("Api", 1_769 // 2, cpu_seconds=0.1, calls={"dynamodb": 5}, waited_seconds=2)
    assert part.seconds == pytest.approx(2 + 0.2 + 5 * 0.004, rel=1e-3)


def test_more_memory_than_a_processor_takes_is_no_faster() -> None:
    assert Part("Api", 3_000, cpu_seconds=0.1).seconds == Part("Api", 1_769, cpu_seconds=0.1).seconds


def test_an_invocation_costs_its_time_itself_and_its_lines() -> None:
    assert invoked(2, 3, 512).units == {
        Unit.INVOCATIONS: 2,
        Unit.GB_SECONDS: 1.5,
        Unit.LOG_GB: 2 * PLATFORM_BYTES / GB,
    }


def test_a_task_alone_pays_for_its_worker() -> None:
    worker = bill.task(measurement(), kind(), A_MINUTE)["Worker"]
    assert worker.units[Unit.GB_SECONDS] == 31 * 2
    assert worker.units[Unit.SQS_REQUESTS] == 31 * 2
    assert worker.units[Unit.READ_UNITS] == 30
    assert worker.units[Unit.WRITE_UNITS] == 5


def test_tasks_together_share_a_worker() -> None:
    worker = bill.task(measurement(), kind(), 100)["Worker"]
    assert worker.units[Unit.GB_SECONDS] == 4 * 2
    assert worker.units[Unit.SQS_REQUESTS] == 4 * 2
    assert worker.units[Unit.READ_UNITS] == 30


def test_waiting_that_was_played_is_not_counted_twice() -> None:
    worker = bill.task(measurement(), kind(seconds=30, played=30), A_MINUTE)["Worker"]
    assert worker.units[Unit.SQS_REQUESTS] == 2
    assert worker.units[Unit.READ_UNITS] == 0


def test_a_function_whose_caller_waits_is_billed_for_the_wait() -> None:
    alone = bill.task(measurement(), kind(), A_SECOND)["Api"].units[Unit.GB_SECONDS]
    waiting = bill.task(measurement(), kind(seconds=30, waiting="Api"), A_SECOND)["Api"]
    assert waiting.units[Unit.GB_SECONDS] == pytest.approx(alone + 30)


def test_a_key_is_checked_once_a_minute() -> None:
    assert bill.keys_checked(A_MINUTE / 2) == 1
    assert bill.keys_checked(10) == pytest.approx(1 / 600)


def test_what_takes_no_key_has_none_checked() -> None:
    wecom = replace(kind(), parts=(replace(API, function="Wecom"), WORKER))
    assert "Authorizer" in bill.task(measurement(), kind(), A_MINUTE)
    assert "Authorizer" not in bill.task(measurement(), wecom, A_MINUTE)


def test_only_what_is_used_rarely_reads_again_what_it_has_forgotten() -> None:
    rare = bill.task(measurement(), kind(), A_MINUTE)["caches"].units
    assert rare == {Unit.READ_UNITS: 4, Unit.SECRET_READS: pytest.approx(60 / 300)}
    assert "caches" not in bill.task(measurement(), kind(), A_SECOND)


def test_a_load_between_two_that_were_simulated_is_between_them() -> None:
    loads = measurement().loads
    between = bill.packed(loads, (A_MINUTE * 100) ** 0.5, 30)
    assert between.seconds == pytest.approx((31 + 4) / 2)
    assert bill.packed(loads, 100, 30).seconds == 4
    assert bill.packed(loads, 1_000, 30).seconds == 4
    assert bill.packed(loads, A_MINUTE / 100, 30).seconds == 31


def test_a_longer_task_is_packed_as_more_tasks_are() -> None:
    assert bill.packed(measurement().loads, 50, 60).seconds == pytest.approx(4 * 2)


def test_a_measurement_is_read_as_it_was_saved(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("results") / "bill.json"
    measured = measurement(short=kind())
    measured.save(path)
    assert Measurement.load(path) == measured
