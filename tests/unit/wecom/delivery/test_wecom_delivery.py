"""Who delivers an answer: the stream or a sender, never both and never neither, whatever crashes and when,
and whether the notifier runs late, twice, or not at all while somebody looks."""

import contextlib
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from a2a_tasks.domain.task import Status
from a2a_tasks.wecom.delivery.worker import REFRESH_MS
from a2a_tasks.wecom.exchange import (
    LAST_DELIVERY_MS,
    STREAM_MS,
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    RefreshResponse,
    refresh_response,
)
from a2a_tasks.wecom.language import Language
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.unit.wecom.delivery.wecom_delivery import ANSWER, WECOM_STREAM_SECONDS, OneAnswer

pytestmark = pytest.mark.slow

REF = ExchangeRef("0197a4e0-0000-7000-8000-000000000001")
MOST_LOST = 5
"""Answers in a row that the network loses at most. WeCom asks about once a second."""
LATE_BY = 10
"""Seconds from when a message was written to when the first delivery of it is kept, at most: two are lost."""


class Delivery(RuleBasedStateMachine):
    """One exchange. Refreshes and senders crash wherever they can; the notifier runs when it likes."""

    @initialize(late=st.integers(0, LATE_BY))
    def begin(self, late: int) -> None:
        self.world = OneAnswer(late)
        self.lost = 0

    @rule(
        seconds=st.integers(1, 90),
        lost=st.integers(0, MOST_LOST),
        point=st.sampled_from(["exchanges.end", "exchanges.claim", "exchanges.close"]),
        crash=st.sampled_from(["", "before", "after"]),
        meanwhile=st.booleans(),
    )
    def time_passes(self, seconds: int, lost: int, point: str, crash: str, meanwhile: bool) -> None:
        """WeCom asks every second. The first answers may be lost, or their process die where it writes; and a
        sender may come between what a refresh reads and what it writes."""
        for second in range(seconds):
            self.world.deployment.clock.advance(1)
            is_lost = second < lost
            self._refresh(point, is_lost=is_lost, crash=crash if is_lost else "", meanwhile=meanwhile)

    @precondition(lambda self: not self.world.has_ended)
    @rule()
    def task_ends(self) -> None:
        self.world.end()

    @precondition(lambda self: self.world.has_ended)
    @rule()
    def notifier_runs(self) -> None:
        self.world.notify()

    @precondition(lambda self: self.world.has_ended)
    @rule(
        point=st.sampled_from(["exchanges.end", "exchanges.claim", "person.respond", "exchanges.settle"]),
        crash=st.sampled_from(["", "before", "after"]),
        hurries=st.booleans(),
        meanwhile=st.booleans(),
    )
    def sender_runs(self, point: str, crash: str, hurries: bool, meanwhile: bool) -> None:
        """And a refresh may come between what the sender reads and what it writes."""
        points = _points(point, crash)
        if meanwhile:
            points.before("exchanges.claim", lambda: self._refresh("exchanges.claim", is_lost=False))
        if hurries:
            self.world.hurry()
        with contextlib.suppress(Crash):
            self.world.send(points)

    @precondition(lambda self: self.world.person.answers or not self._is_streams())
    @rule()
    def person_looks_away(self) -> None:
        """WeCom asks only while somebody looks. What the last refresh had taken on could only be repeated,
        so it dies before that."""
        self._refresh("exchanges.claim", is_lost=True, crash="before")
        self.world.person.is_asking = False

    def teardown(self) -> None:
        """Whoever still looks sees the end without a notifier; whatever was left undone then is done once."""
        if not hasattr(self, "world"):
            return
        if not self.world.has_ended:
            self.world.end()
        clock = self.world.deployment.clock
        while self.world.is_asked_for:
            clock.advance(1)
            self.world.person.see(self.world.refresh())
            assert self.world.exchange.state is not ExchangeState.OPEN, "an end was not seen"
        if self._is_streams():
            assert self.world.person.answers == [DeliveryMeans.STREAM]
        self.world.notify()
        while (at := self.world.queue.next_visible_at()) is not None:
            clock.advance(max(0, at - clock.now()) / 1000)
            self.world.send()
        assert len(self.world.person.answers) == 1, self.world.person.answers
        assert self.world.exchange.state is ExchangeState.DELIVERED

    def _is_streams(self) -> bool:
        claim = self.world.exchange.claim
        return claim is not None and claim.means is DeliveryMeans.STREAM

    def _refresh(self, point: str, *, is_lost: bool, crash: str = "", meanwhile: bool = False) -> None:
        if not self.world.is_asked_for:
            return
        self.lost = self.lost + 1 if is_lost else 0
        is_lost = is_lost and self.lost <= MOST_LOST
        points = _points(point, crash if is_lost else "")
        if meanwhile:
            for moment in ("exchanges.end", "exchanges.claim", "exchanges.close"):
                points.before(moment, self._sender_comes_in_between)
        try:
            frame = self.world.refresh(points)
        except Crash:
            return
        if not is_lost:
            self.world.person.see(frame)

    def _sender_comes_in_between(self) -> None:
        """And dies before it has said that it is done."""
        self.world.hurry()
        with contextlib.suppress(Crash):
            self.world.send(_points("exchanges.settle", "before"))


def _points(point: str, crash: str) -> Failpoints:
    points = Failpoints()
    if crash:
        points.fail(point, Crash(point), after=crash == "after")
    return points


Delivery.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestDelivery = Delivery.TestCase


def test_an_end_that_nobody_has_told_is_seen_at_the_next_refresh() -> None:
    world = OneAnswer()
    assert not world.refresh()["stream"]["finish"]
    world.end()
    for _ in range(2):
        stream = world.refresh()["stream"]
        assert (stream["content"], stream["finish"]) == (ANSWER, True)
    world.notify()
    assert world.queue.messages == [], "the notifier that comes late has nobody to tell"


def test_an_end_whose_refresh_died_is_the_sender_s_when_nobody_asks_any_more() -> None:
    world = OneAnswer()
    world.end()
    with pytest.raises(Crash):
        world.refresh(_points("exchanges.claim", "before"))
    assert (world.exchange.state, world.exchange.end is not None) == (ExchangeState.OPEN, True)
    world.deployment.clock.advance(WECOM_STREAM_SECONDS)
    world.notify()
    world.send()
    assert (world.person.answers, world.exchange.state) == ([DeliveryMeans.URL], ExchangeState.DELIVERED)


def test_an_end_that_is_found_as_the_stream_closes_is_left_to_the_sender() -> None:
    world = OneAnswer()
    world.deployment.clock.advance(LAST_DELIVERY_MS / 1000)
    world.end()
    world.person.see(world.refresh())
    assert (world.person.is_asking, world.exchange.state) == (False, ExchangeState.CLOSED)
    world.notify()
    world.send()
    assert world.person.answers == [DeliveryMeans.URL]


def test_the_sender_leaves_the_stream_its_time_whoever_has_written_the_end_down() -> None:
    world = OneAnswer()
    world.end()
    with pytest.raises(Crash):
        world.refresh(_points("exchanges.claim", "before"))
    world.notify()
    world.send()
    assert world.person.answers == []
    world.deployment.clock.advance(REFRESH_MS / 1000)
    world.send()
    assert world.person.answers == [DeliveryMeans.URL]


NEW = Exchange(REF, "writer", "demo", "helper", "LiLei", None, Language.ZH, 1_000)
ENDED = replace(NEW, end=ExchangeEnd(2_000, Status.COMPLETED))


@pytest.mark.parametrize(
    ("exchange", "age_ms", "step"),
    [
        (NEW, 0, RefreshResponse.GO_ON),
        (NEW, STREAM_MS - 1, RefreshResponse.GO_ON),
        (NEW, STREAM_MS, RefreshResponse.CLOSE),
        (ENDED, 0, RefreshResponse.DELIVER),
        (ENDED, LAST_DELIVERY_MS - 1, RefreshResponse.DELIVER),
        (ENDED, LAST_DELIVERY_MS, RefreshResponse.CLOSE),
        (replace(ENDED, state=ExchangeState.CLOSED), 0, RefreshResponse.ELSEWHERE),
        (
            replace(ENDED, state=ExchangeState.CLAIMED, claim=DeliveryClaim(DeliveryMeans.URL, "m", 1)),
            0,
            RefreshResponse.ELSEWHERE,
        ),
        (
            replace(ENDED, state=ExchangeState.DELIVERED, claim=DeliveryClaim(DeliveryMeans.URL, "m", 1)),
            0,
            RefreshResponse.ELSEWHERE,
        ),
        (replace(ENDED, state=ExchangeState.UNDELIVERABLE), 0, RefreshResponse.ELSEWHERE),
        (
            replace(ENDED, state=ExchangeState.DELIVERED, claim=DeliveryClaim(DeliveryMeans.STREAM, "s", 1)),
            10**9,
            RefreshResponse.REPEAT,
        ),
    ],
)
def test_what_a_refresh_does(exchange: Exchange, age_ms: int, step: RefreshResponse) -> None:
    assert refresh_response(exchange, exchange.started_at + age_ms) is step


def test_a_stream_ends_half_a_minute_before_wecom_stops_asking() -> None:
    assert STREAM_MS == 330_000
    assert LAST_DELIVERY_MS + LATE_BY * 1000 + (MOST_LOST + 2) * 1000 < WECOM_STREAM_SECONDS * 1000


@pytest.mark.parametrize(
    ("stream_id", "ref"),
    [
        (REF.task_id, REF),
        (f"{REF.task_id}.a1", ExchangeRef(REF.task_id, "a1")),
        (f"{REF.task_id}.", None),
        ("x", None),
        ("", None),
    ],
)
def test_a_stream_id_names_its_exchange(stream_id: str, ref: ExchangeRef | None) -> None:
    assert ExchangeRef.of_stream(stream_id) == ref
    if ref is not None:
        assert ref.stream_id == stream_id


def test_secrets_of_an_exchange_are_not_shown() -> None:
    assert "address" not in repr(
        replace(NEW, sealed_url=b"address", end=ExchangeEnd(1, Status.FAILED, "address"))
    )
