"""Runs the checks one after the other, and leaves nothing behind, whatever happens."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.smoke.check import ONLY_REAL, Check, Failed, Outcome, Result, Skipped
from tests.smoke.leftovers import EXPECTED, Removal
from tests.smoke.patience import Patience
from tests.smoke.receiver import receiving
from tests.smoke.report import Report
from tests.smoke.run import Run
from tests.smoke.target import Target
from tests.smoke.tenant import PREFIX, Tenant

REMOVAL_SECONDS = 400
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Runner:
    """One run of some checks on one deployment. ``clock`` is in seconds."""

    target: Target
    checks: Sequence[Check]
    report: Report
    is_full: bool = False
    clock: Callable[[], float] = time.monotonic

    def run(self) -> bool:
        """Whether nothing has failed and nothing was left behind. Ctrl-C ends the checks, not the removal."""
        project_id = f"{PREFIX}{secrets.token_hex(4)}"
        outcomes: list[Outcome] = []
        try:
            self._check_all(project_id, outcomes)
        except KeyboardInterrupt:
            self.report.say("Interrupted; removing what the run has made. This takes a moment.")
            outcomes.append(Outcome(INTERRUPTED, Result.FAILED, 0.0, "the checks after this were not made"))
        finally:
            is_removed = remove(self.target, project_id, self.report)
        self.report.table(outcomes)
        return is_removed and not any(one.result is Result.FAILED for one in outcomes)

    def _check_all(self, project_id: str, outcomes: list[Outcome]) -> None:
        try:
            with self.report.busy(f"Make the project {project_id}"):
                tenant = Tenant.make(self.target, project_id)
                tenant.apply_agent()
            with receiving(self.target, project_id) as receiver:
                run = Run(self.target, tenant, receiver, Patience(0), self.is_full)
                for check in self.checks:
                    outcomes.append(self._check(check, run))
                    self.report.ended(outcomes[-1])
        except EXPECTED as error:
            outcomes.append(Outcome("preparation", Result.FAILED, 0.0, str(error)))

    def _check(self, check: Check, run: Run) -> Outcome:
        began = self.clock()
        with self.report.busy(check.name):
            result, seen = self._result(check, replace(run, patience=Patience(check.seconds)))
        return Outcome(check.name, result, self.clock() - began, seen)

    def _result(self, check: Check, run: Run) -> tuple[Result, str]:
        if check.is_real_only and run.target.is_emulated:
            return Result.SKIPPED, ONLY_REAL
        try:
            return Result.PASSED, check.look(run)
        except Skipped as skipped:
            return Result.SKIPPED, str(skipped)
        except Failed as failed:
            return Result.FAILED, str(failed)
        except Exception as error:
            # whatever it is, the other checks are made
            return Result.FAILED, f"{type(error).__name__}: {error}"


def remove(target: Target, project_id: str, report: Report) -> bool:
    """Remove a run's project; whether all of it is gone. Says what is not."""
    with report.busy(f"Remove the project {project_id} and what it has"):
        problems = Removal(target, project_id, Patience(REMOVAL_SECONDS)).run()
    for problem in problems:
        report.say(f"Not removed of {project_id}: {problem}")
    if problems:
        report.say("Remove it later with the same command and CLEAN=1.")
    return not problems
