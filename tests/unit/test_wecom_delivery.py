"""Who delivers an answer: the stream or a sender, never both and never neither, whatever crashes and when."""

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from a2a_tasks.domain.task import Status
from a2a_tasks.services.results import Results
from a2a_tasks.services.wecom.refreshes import Refreshes
from a2a_tasks.services.wecom.results import ResultTexts
from a2a_tasks.wecom.connection import Connection, Kind
from a2a_tasks.wecom.exchange import (
    FINAL,
    LAST_DELIVERY_MS,
    STREAM_MS,
    Claim,
    End,
    Exchange,
    ExchangeRef,
    Means,
    State,
    Step,
    step_of,
)
from a2a_tasks.wecom.language import Language
from tests.twins.clock import FakeClock
from tests.twins.exchanges import MemoryExchanges
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.payloads import MemoryPayloads
from tests.twins.tasks import MemoryTaskStore
from tests.twins.telemetry import MemoryTelemetry

REF = ExchangeRef("0197a4e0-0000-7000-8000-000000000001")
BOT = Connection("helper", "demo", Kind.BOT, "arn", 0, agent_id="writer")
ANSWER = "Where to?"
WECOM_STREAM_SECONDS = 360
MOST_LOST = 5
"""Answers in a row that the network loses at most. WeCom asks about once a second."""
LATE_BY = 10
"""Seconds from when a message was written to when the first delivery of it is kept, at most: two are lost."""
WAIT_MS = 20_000


@dataclass
class Person:
    """What WeCom shows: it asks for the stream while it is not finished, and takes the response URL once."""

    written_at: int
    is_asking: bool = True
    url_is_used: bool = False
    answers: list[Means] = field(default_factory=list)

    def see(self, frame: dict[str, Any]) -> None:
        stream = frame["stream"]
        if stream["content"] == ANSWER:
            assert stream["finish"]
            self.answers.append(Means.STREAM)
        self.is_asking = not stream["finish"]

    def post(self) -> bool:
        """Whether the response URL was good."""
        if self.url_is_used:
            return False
        self.url_is_used = True
        self.answers.append(Means.URL)
        return True


class Delivery(RuleBasedStateMachine):
    """One exchange. Refreshes, the one who writes down the end, and senders crash wherever they can."""

    @initialize(late=st.integers(0, LATE_BY))
    def begin(self, late: int) -> None:
        self.clock = FakeClock()
        self.store = MemoryExchanges()
        self.person = Person(self.clock.now() - late * 1000)
        self.has_ended = False
        self.lost = 0
        self.ended_at = 0
        self.store.put(
            Exchange(REF, "writer", "demo", "helper", "LiLei", None, Language.EN, self.clock.now()), 2**50
        )

    @rule(
        seconds=st.integers(1, 90),
        lost=st.integers(0, MOST_LOST),
        crash=st.sampled_from(["", "before", "after"]),
        meanwhile=st.booleans(),
    )
    def time_passes(self, seconds: int, lost: int, crash: str, meanwhile: bool) -> None:
        """WeCom asks every second. The first answers may be lost, or their process die at the claim; and a
        sender may come between what a refresh reads and what it writes."""
        for second in range(seconds):
            self.clock.advance(1)
            is_lost = second < lost
            self._refresh(is_lost=is_lost, crash=crash if is_lost else "", meanwhile=meanwhile)

    @precondition(lambda self: not self.has_ended)
    @rule()
    def task_ends(self) -> None:
        self.has_ended = True
        self.ended_at = self.clock.now()

    @precondition(lambda self: self.has_ended)
    @rule(crash=st.sampled_from(["", "before", "after"]))
    def end_is_written(self, crash: str) -> None:
        points = self._points("exchanges.end", crash)
        with contextlib.suppress(Crash):
            points.wrap("exchanges", self.store).end(REF, self._end())

    @precondition(lambda self: self.has_ended)
    @rule(
        sender=st.sampled_from(["m1", "m2"]),
        point=st.sampled_from(["exchanges.claim", "person.post", "exchanges.settle"]),
        crash=st.sampled_from(["", "before", "after"]),
        meanwhile=st.booleans(),
    )
    def sender_tries(self, sender: str, point: str, crash: str, meanwhile: bool) -> None:
        """And a refresh may come between what the sender reads and what it writes."""
        points = self._points(point, crash)
        if meanwhile:
            points.before("exchanges.claim", lambda: self._refresh(is_lost=False))
        with contextlib.suppress(Crash):
            self._send(sender, points)

    def teardown(self) -> None:
        """Whatever was left undone is done in the end, once."""
        if not hasattr(self, "clock"):
            return
        if not self.has_ended:
            self.task_ends()
        self.end_is_written("")
        while self.person.is_asking and self._age_seconds() < WECOM_STREAM_SECONDS:
            self.clock.advance(1)
            self._refresh(is_lost=False)
            if self.clock.now() - self.ended_at > 2 * WAIT_MS:
                self._send("m1", Failpoints())
        self.clock.advance(1_000)
        for sender in ("m1", "m2"):
            self._send(sender, Failpoints())
        assert len(self.person.answers) == 1, self.person.answers
        found = self.store.get(REF)
        assert found is not None
        assert found.state is State.DELIVERED

    def _refresh(self, *, is_lost: bool, crash: str = "", meanwhile: bool = False) -> None:
        if not self.person.is_asking or self._age_seconds() >= WECOM_STREAM_SECONDS:
            return
        self.lost = self.lost + 1 if is_lost else 0
        is_lost = is_lost and self.lost <= MOST_LOST
        points = self._points("exchanges.claim", crash if is_lost else "")
        if meanwhile and self.has_ended:
            for point in ("exchanges.claim", "exchanges.close"):
                points.before(point, self._sender_comes_in_between)
        try:
            frame = refreshes(points.wrap("exchanges", self.store), self.clock).frame(BOT, REF.stream_id)
        except Crash:
            return
        if not is_lost:
            self.person.see(frame)

    def _sender_comes_in_between(self) -> None:
        """And dies before it has said that it is done."""
        with contextlib.suppress(Crash):
            self._send("m1", self._points("exchanges.settle", "before"), is_patient=False)

    def _send(self, sender: str, points: Failpoints, *, is_patient: bool = True) -> None:
        store, person = points.wrap("exchanges", self.store), points.wrap("person", self.person)
        found, now = self.store.get(REF), self.clock.now()
        if found is None or found.end is None or found.state in FINAL:
            return
        may_stream = found.state is State.OPEN and now - found.started_at < LAST_DELIVERY_MS
        if is_patient and may_stream and now - self.ended_at < WAIT_MS:
            return
        claimed = store.claim(REF, Claim(Means.URL, sender, now), now - 900_000)
        if claimed is None or claimed.state is not State.CLAIMED or claimed.claim is None:
            return
        if claimed.claim.claim_id == sender:
            person.post()  # used: an earlier try has arrived
            store.settle(REF, sender, State.DELIVERED)

    def _points(self, point: str, crash: str) -> Failpoints:
        points = Failpoints()
        if crash:
            points.fail(point, Crash(point), after=crash == "after")
        return points

    def _end(self) -> End:
        return End(self.ended_at, Status.INPUT_REQUIRED, ANSWER)

    def _age_seconds(self) -> float:
        return (self.clock.now() - self.person.written_at) / 1000


Delivery.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestDelivery = Delivery.TestCase


def refreshes(store: MemoryExchanges, clock: FakeClock) -> Refreshes:
    payloads = MemoryPayloads()
    texts = ResultTexts(MemoryTaskStore(), Results(payloads, payloads))
    return Refreshes(store, texts, clock, MemoryTelemetry())


NEW = Exchange(REF, "writer", "demo", "helper", "LiLei", None, Language.ZH, 1_000)
ENDED = replace(NEW, end=End(2_000, Status.COMPLETED))


@pytest.mark.parametrize(
    ("exchange", "age_ms", "step"),
    [
        (NEW, 0, Step.GO_ON),
        (NEW, STREAM_MS - 1, Step.GO_ON),
        (NEW, STREAM_MS, Step.CLOSE),
        (ENDED, 0, Step.DELIVER),
        (ENDED, LAST_DELIVERY_MS - 1, Step.DELIVER),
        (ENDED, LAST_DELIVERY_MS, Step.CLOSE),
        (replace(ENDED, state=State.CLOSED), 0, Step.ELSEWHERE),
        (replace(ENDED, state=State.CLAIMED, claim=Claim(Means.URL, "m", 1)), 0, Step.ELSEWHERE),
        (replace(ENDED, state=State.DELIVERED, claim=Claim(Means.URL, "m", 1)), 0, Step.ELSEWHERE),
        (replace(ENDED, state=State.UNDELIVERABLE), 0, Step.ELSEWHERE),
        (replace(ENDED, state=State.DELIVERED, claim=Claim(Means.STREAM, "s", 1)), 10**9, Step.REPEAT),
    ],
)
def test_what_a_refresh_does(exchange: Exchange, age_ms: int, step: Step) -> None:
    assert step_of(exchange, exchange.started_at + age_ms) is step


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
    assert "address" not in repr(replace(NEW, sealed_url=b"address", end=End(1, Status.FAILED, "address")))
