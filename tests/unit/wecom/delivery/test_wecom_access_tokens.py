"""Access tokens: however many processes need one, and whatever dies, WeCom is asked once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.delivery.access_tokens import EARLY_MS, LOCK_MS, REFUSED_MS, AccessTokens, TokenBusy
from a2a_tasks.wecom.ports import IssuedToken, WeComApi, WeComRefused, WeComUnanswered
from tests.twins.clock import FakeClock
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.wecom import MemoryAccessTokens

APP = Connection("app", "demo", ConnectionKind.APP, "arn", 0, corp_id="ww1", app_id="1")
SECRET = "c0rp-secret"
LIFE = 7_200


@dataclass
class Issuer:
    """WeCom's ``gettoken``; ``script`` is what happens before the token, call by call."""

    asked: int = 0
    script: list[Exception] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue_token(self, connection: Connection, corp_secret: str) -> IssuedToken:  # noqa: ARG002
        with self._lock:
            self.asked += 1
            if self.script:
                raise self.script.pop(0)
            return IssuedToken(f"token-{self.asked}", LIFE)


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryAccessTokens = field(default_factory=MemoryAccessTokens)
    issuer: Issuer = field(default_factory=Issuer)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    pauses: int = 0

    def process(
        self, failpoints: Failpoints | None = None, pause: Callable[[float], None] | None = None
    ) -> AccessTokens:
        store = (failpoints or Failpoints()).wrap("tokens", self.store)
        api = (failpoints or Failpoints()).wrap("api", cast(WeComApi, self.issuer))
        return AccessTokens(store, api, self.clock, self.entropy, pause or self._pause)

    def token(self, **process: Any) -> str:
        return self.process(**process).token(APP, SECRET).value

    def _pause(self, seconds: float) -> None:
        self.pauses += 1
        self.clock.advance(seconds)


def test_all_processes_share_one() -> None:
    world = World()
    assert [world.token() for _ in range(5)] == ["token-1"] * 5
    assert world.issuer.asked == 1


def test_it_is_replaced_before_its_end_and_not_earlier() -> None:
    world = World()
    world.token()
    world.clock.advance(LIFE - EARLY_MS / 1000 - 1)
    assert world.token() == "token-1"
    world.clock.advance(1)
    assert world.token() == "token-2"


def test_while_wecom_gives_the_same_until_it_ends_it_is_asked_once_a_minute() -> None:
    world = World()
    world.token()
    issue = world.issuer.issue_token

    def same(connection: Connection, corp_secret: str) -> IssuedToken:
        left = LIFE - (world.clock.now() - begun) // 1000
        if left <= 0:
            return issue(connection, corp_secret)
        world.issuer.asked += 1
        return IssuedToken("token-1", left)

    begun = world.clock.now()
    world.issuer.issue_token = same  # type: ignore[method-assign]
    world.clock.advance(LIFE - EARLY_MS / 1000)
    for _ in range(285):
        assert world.token() == "token-1"
        world.clock.advance(1)
    assert world.issuer.asked <= 1 + 5
    world.clock.advance(15)
    assert world.token() == f"token-{world.issuer.asked}"
    assert world.pauses == 0


def test_while_one_asks_the_others_use_the_old_one() -> None:
    world = World()
    world.token()
    world.clock.advance(LIFE - 100)
    now = world.clock.now()
    assert world.store.lock("app", "another", now, now + LOCK_MS)
    assert world.token() == "token-1"
    assert world.pauses == 0


def test_who_has_none_waits_for_the_one_who_asks() -> None:
    world = World()
    now = world.clock.now()
    world.store.lock("app", "another", now, now + LOCK_MS)
    with pytest.raises(TokenBusy):
        world.token()
    assert world.issuer.asked == 0


def test_a_dead_process_holds_up_nobody_for_long() -> None:
    world = World()
    failpoints = Failpoints()
    failpoints.fail("api.issue_token", Crash("SIGKILL"))
    with pytest.raises(Crash):
        world.token(failpoints=failpoints)
    world.clock.advance(LOCK_MS / 1000)
    assert world.token() == "token-1"


@pytest.mark.parametrize("point", ["get", "lock", "put"])
@pytest.mark.parametrize("after", [False, True])
def test_an_outage_of_the_store_is_over_when_it_is_over(point: str, *, after: bool) -> None:
    world = World()
    failpoints = Failpoints()
    failpoints.fail(f"tokens.{point}", StoreUnavailable("lost"), after=after)
    with pytest.raises(StoreUnavailable):
        world.token(failpoints=failpoints)
    world.clock.advance(LOCK_MS / 1000)
    assert world.token().startswith("token-")
    assert world.issuer.asked <= 2


def test_without_an_answer_the_next_may_ask_at_once() -> None:
    world = World()
    world.issuer.script = [WeComUnanswered("gettoken", "no connection")]
    with pytest.raises(WeComUnanswered):
        world.token()
    assert world.token() == "token-2"


def test_after_a_refusal_nobody_asks_for_a_while() -> None:
    world = World()
    world.issuer.script = [WeComRefused("gettoken", 40001)] * 9
    with pytest.raises(WeComRefused):
        world.token()
    for _ in range(3):
        with pytest.raises(TokenBusy):
            world.token(pause=lambda _: None)
    assert world.issuer.asked == 1
    world.clock.advance(REFUSED_MS / 1000)
    with pytest.raises(WeComRefused):
        world.token()


def test_what_wecom_takes_no_more_is_replaced_once_however_many_find_out() -> None:
    world = World()
    found = [world.process().token(APP, SECRET) for _ in range(4)]
    for token in found:
        world.process().drop(APP, token)
        assert world.token() == "token-2"


def test_after_a_rotation_of_the_secret_the_old_token_is_not_used() -> None:
    world = World()
    world.token()
    assert world.process().token(APP, "an0ther-secret").value == "token-2"


def test_nothing_readable_is_kept() -> None:
    world = World()
    world.token()
    kept = world.store.tokens["app"]
    assert b"token-1" not in kept.sealed
    assert "token" not in repr(kept).replace("CachedToken", "")


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(1, 3))
def test_many_at_the_same_moment_ask_once(processes: int, rounds: int) -> None:
    world = World()
    lock = threading.Lock()

    def pause(_: float) -> None:
        with lock:  # real time, since threads race
            threading.Event().wait(0.001)

    with ThreadPoolExecutor(processes) as threads:
        for number in range(1, rounds + 1):
            found = list(threads.map(lambda _: world.token(pause=pause), range(processes)))
            assert set(found) <= {f"token-{number}", f"token-{number - 1}"}
            assert world.issuer.asked == number
            world.clock.advance(LIFE)
