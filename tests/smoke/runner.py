"""Runs the checks one after another, and leaves nothing behind, whatever happens."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.smoke.check import ONLY_REAL, Check, Failed, Outcome, Result, Skipped
from tests.smoke.leftovers import EXPECTED, Removal
from tests.smoke.receiver import receiving
from tests.smoke.report import Report
from tests.smoke.run import Run
from tests.smoke.target import Target
from tests.smoke.tenant import PREFIX, Tenant
from tests.smoke.time_limit import TimeLimit

REMOVAL_SECONDS = 400


@dataclass(frozen=True)
class Runner:
    """One run of some checks on one deployment. ``clock`` is in seconds."""

    target: Target
    checks: Sequence[Check]
    report: Report
    clock: Callable[[], float] = time.monotonic

    def run(self) -> list[Outcome]:
        """The outcome of each check and of the removal. Ctrl-C ends the checks, but not the
        removal."""
        project_id = f"{PREFIX}{secrets.token_hex(4)}"
        outcomes: list[Outcome] = []
        try:
            self._check_all(project_id, outcomes)
        except KeyboardInterrupt:
            self.report.say("Interrupted. Removing what the run has created, which takes a moment.")
            self._tell(
                outcomes, Outcome("interrupted", Result.FAILED, 0.0, "the remaining checks were not run")
            )
        finally:
            self._tell(outcomes, remove(self.target, project_id, self.report, self.clock))
        self.report.table(outcomes)
        return outcomes

    def _check_all(self, project_id: str, outcomes: list[Outcome]) -> None:
        try:
            with self.report.busy(f"Create the project {project_id}"):
                tenant = Tenant.make(self.target, project_id)
                tenant.apply_agent()
            with receiving(self.target, project_id) as receiver:
                if any(check.needs_receiver for check in self.checks):
                    receiver.begin()
                run = Run(self.target, tenant, receiver, TimeLimit(0))
                for check in self.checks:
                    self._tell(outcomes, self._check(check, run))
        except EXPECTED as error:
            self._tell(outcomes, Outcome("preparation", Result.FAILED, 0.0, str(error)))

    def _check(self, check: Check, run: Run) -> Outcome:
        began = self.clock()
        with self.report.busy(check.name):
            result, seen = self._result(check, replace(run, time_limit=TimeLimit(check.seconds)))
        return Outcome(check.name, result, self.clock() - began, seen)

    def _result(self, check: Check, run: Run) -> tuple[Result, str]:
        if check.is_real_only and run.target.is_emulated:
            return Result.SKIPPED, ONLY_REAL
        try:
            return Result.PASSED, check.look(run)
        except Skipped as skipped:
            return Result.SKIPPED, str(skipped)
        except (Failed, TimeoutError) as failed:
            return Result.FAILED, str(failed)
        except Exception as error:
            # whatever it is, the other checks are made
            return Result.FAILED, f"{type(error).__name__}: {error}"

    def _tell(self, outcomes: list[Outcome], outcome: Outcome) -> None:
        outcomes.append(outcome)
        self.report.ended(outcome)


def remove(
    target: Target, project_id: str, report: Report, clock: Callable[[], float] = time.monotonic
) -> Outcome:
    """Remove a run's project; failed if something is left."""
    began = clock()
    with report.busy(f"Remove the project {project_id} and its data"):
        problems = Removal(target, project_id, TimeLimit(REMOVAL_SECONDS)).run()
    if not problems:
        return Outcome("removal", Result.PASSED, clock() - began, f"{project_id} was removed completely")
    seen = f"left of {project_id}: {'; '.join(problems)}. Run the same command with CLEAN=1 to remove it."
    return Outcome("removal", Result.FAILED, clock() - began, seen)
