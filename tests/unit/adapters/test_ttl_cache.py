"""The cache of values that are read from elsewhere."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.adapters.wecom.cached_connections import CachedConnections
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from tests.twins.clock import FakeClock
from tests.twins.stores.connections import MemoryConnections


class Source:
    """Counts what is read of it."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.reads = 0

    def read(self) -> str | None:
        self.reads += 1
        return self.value


def test_a_value_is_read_anew_when_its_time_is_over() -> None:
    clock, source = FakeClock(), Source()
    cache: TtlCache[str] = TtlCache(clock, 5_000)
    assert cache.get("a", source.read) == "first"
    source.value = "second"
    clock.advance(4.999)
    assert cache.get("a", source.read) == "first"
    clock.advance(0.001)
    assert cache.get("a", source.read) == "second"
    assert source.reads == 2


def test_who_wants_it_younger_reads_anew_for_all() -> None:
    clock, source = FakeClock(), Source()
    cache: TtlCache[str] = TtlCache(clock, 5_000)
    cache.get("a", source.read)
    source.value = "second"
    clock.advance(1)
    assert cache.get("a", source.read, ttl_ms=2_000) == "first"
    assert cache.get("a", source.read, ttl_ms=1_000) == "second"
    assert cache.get("a", source.read) == "second"


def test_what_is_not_there_is_asked_for_each_time() -> None:
    clock, source = FakeClock(), Source()
    cache: TtlCache[str] = TtlCache(clock, 5_000)
    source.value = None
    assert [cache.get("a", source.read), cache.get("a", source.read)] == [None, None]
    source.value = "there"
    assert cache.get("a", source.read) == "there"
    clock.advance(5)
    source.value = None
    assert cache.get("a", source.read) is None


def test_names_are_apart_and_a_failed_read_changes_nothing() -> None:
    clock, source = FakeClock(), Source()
    cache: TtlCache[str] = TtlCache(clock, 5_000)

    def fail() -> str:
        raise OSError("down")

    cache.get("a", source.read)
    with pytest.raises(OSError, match="down"):
        cache.get("a", fail, ttl_ms=0)
    with pytest.raises(OSError, match="down"):
        cache.get("b", fail)
    assert cache.get("a", fail) == "first"


def test_a_connection_is_read_once_in_half_a_minute() -> None:
    clock, store = FakeClock(), MemoryConnections()
    connections = CachedConnections(store, clock)
    assert connections.connection("helper") is None
    first = Connection("helper", "demo", ConnectionKind.BOT, "arn", 1)
    store.put(first, ConnectionSecrets())
    assert connections.connection("helper") == first
    del store.connections["helper"]
    clock.advance(29.9)
    assert connections.connection("helper") == first
    clock.advance(0.1)
    assert connections.connection("helper") is None


def test_names_that_nobody_asks_for_make_room() -> None:
    clock, source = FakeClock(), Source()
    cache: TtlCache[str] = TtlCache(clock, 5_000, most=3)
    for name in ("a", "b", "c", "a", "d"):
        cache.get(name, source.read)
    assert source.reads == 4
    cache.get("a", source.read)
    assert source.reads == 4
    cache.get("b", source.read)
    assert source.reads == 5


def test_who_asks_for_a_name_that_is_being_read_waits_and_others_do_not() -> None:
    cache: TtlCache[str] = TtlCache(FakeClock(), 5_000)
    begun, goes_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        goes_on.wait(10)
        return "slow"

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.get, "a", slow)
        begun.wait(10)
        second = threads.submit(cache.get, "a", lambda: "second")
        assert cache.get("b", lambda: "other") == "other"
        assert not second.done()
        goes_on.set()
        assert (first.result(10), second.result(10)) == ("slow", "slow")
