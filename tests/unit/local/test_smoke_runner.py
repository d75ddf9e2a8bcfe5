"""The smoke test's own rules: what a check can come to, that every wait ends, and what is always removed."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from a2actl.terminal.fault import Fault
from tests.smoke import __main__ as command
from tests.smoke import runner
from tests.smoke.check import ONLY_REAL, Check, Failed, Outcome, Result, Skipped
from tests.smoke.checks import CHECKS
from tests.smoke.report import Report
from tests.smoke.run import Run
from tests.smoke.runner import Runner
from tests.smoke.tenant import Tenant
from tests.smoke.time_limit import TimeLimit

FAST_SET_SECONDS = 600


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time_limit(self, seconds: float) -> TimeLimit:
        return TimeLimit(seconds, self.clock, self.sleep)


class Emulated:
    """A target of which a run asks only what it is."""

    is_emulated = True


class Made:
    """What a run makes and removes, without an account."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.removed: list[str] = []
        self.problem: str | None = None
        monkeypatch.setattr(Tenant, "make", lambda _, project_id: self._tenant(project_id))
        monkeypatch.setattr(runner, "remove", self._remove)

    def _tenant(self, project_id: str) -> Any:
        if self.problem:
            raise Fault(self.problem)
        self.project_id = project_id
        return self

    def apply_agent(self) -> None:
        """Nothing to do."""

    def _remove(self, _: Any, project_id: str, *__: Any) -> Outcome:
        self.removed.append(project_id)
        return Outcome("removal", Result.PASSED, 0.0, "gone")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def ran(look: Callable[[Run], str], **options: Any) -> tuple[list[Outcome], str]:
    """What came of one check and of what a run does around it, and what was printed."""
    printed = io.StringIO()
    report = Report(Console(file=printed, width=120))
    target: Any = Emulated()
    outcomes = Runner(target, [Check("one", look, 10, **options)], report).run()
    return outcomes, printed.getvalue()


def raising(error: BaseException) -> Callable[[Run], str]:
    def look(_: Run) -> str:
        raise error

    return look


@pytest.mark.parametrize(
    ("look", "result", "seen"),
    [
        (lambda _: "42 pieces", Result.PASSED, "42 pieces"),
        (raising(Skipped("no reason to")), Result.SKIPPED, "no reason to"),
        (raising(Failed("it buffers")), Result.FAILED, "it buffers"),
        (raising(TimeoutError("too slow")), Result.FAILED, "too slow"),
        (raising(KeyError("Outputs")), Result.FAILED, "KeyError: 'Outputs'"),
    ],
)
def test_a_check_comes_to_what_it_says(
    made: Made, look: Callable[[Run], str], result: Result, seen: str
) -> None:
    outcomes, printed = ran(look)

    assert [(one.check, one.result, one.seen) for one in outcomes[:-1]] == [("one", result, seen)]
    assert seen in printed
    assert made.removed == [made.project_id]


def test_what_an_emulator_cannot_show_is_skipped_and_not_passed(made: Made) -> None:
    outcomes, _ = ran(lambda _: "seen", is_real_only=True)
    assert (outcomes[0].result, outcomes[0].seen) == (Result.SKIPPED, ONLY_REAL)
    assert made.removed


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_whoever_ends_a_run_the_project_is_removed(made: Made, error: BaseException) -> None:
    try:
        outcomes, _ = ran(raising(error))
    except SystemExit:
        outcomes = []
    assert made.removed == [made.project_id]
    if isinstance(error, KeyboardInterrupt):
        assert [one.check for one in outcomes] == ["interrupted", "removal"]
        assert outcomes[0].result is Result.FAILED


def test_a_project_that_could_only_half_be_made_is_removed_too(made: Made) -> None:
    made.problem = "AWS refused the credentials"
    outcomes, _ = ran(lambda _: "never")
    assert [(one.check, one.result) for one in outcomes] == [
        ("preparation", Result.FAILED),
        ("removal", Result.PASSED),
    ]
    assert outcomes[0].seen == made.problem
    assert len(made.removed) == 1


def test_a_wait_ends_when_its_time_or_the_checks_time_is_over() -> None:
    time = Time()
    time_limit = time.time_limit(10)
    with pytest.raises(TimeoutError, match="a pig that flies did not happen within 4 s"):
        time_limit.until(lambda: False, 4, "a pig that flies")
    assert time.now == 104
    with pytest.raises(TimeoutError, match="within 6 s"):
        time_limit.until(lambda: False, 60, "a pig that flies")
    assert (time.now, time_limit.left) == (110, 0)
    assert time_limit.of(5).left == 5


def test_a_wait_returns_what_was_waited_for() -> None:
    time = Time()
    answers = iter(["", "", "there"])
    assert time.time_limit(10).until(lambda: next(answers), 5, "it") == "there"
    assert time.now == 102


def test_the_table_says_how_many_of_each_result(made: Made) -> None:
    _, printed = ran(raising(Failed("[red] it buffers")))
    assert "[red] it buffers" in printed
    assert "1 passed, 1 failed, 0 skipped" in printed
    assert made.removed


def test_names_of_checks_are_chosen_or_refused_in_words() -> None:
    assert [check.name for check in command._chosen(["a webhook"], is_full=False)] == ["a webhook"]
    with pytest.raises(Fault, match="no check 'a pigeon'; checks are: a task"):
        command._chosen(["a pigeon"], is_full=False)


def test_what_takes_long_is_only_in_the_full_set() -> None:
    fast = {check.name for check in command._chosen([], is_full=False)}
    full = {check.name for check in command._chosen([], is_full=True)}
    assert full - fast == {check.name for check in CHECKS if check.is_long}
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.seconds <= FAST_SET_SECONDS for check in CHECKS if not check.is_long)
