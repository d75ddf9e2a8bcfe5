"""``python -m tests.smoke``: see ``make smoke``."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from a2actl.deployment.account import explained
from a2actl.deployment.stack import Stack
from a2actl.terminal.fault import Fault
from tests.smoke import leftovers
from tests.smoke.check import Check, Outcome, Result
from tests.smoke.checks import CHECKS
from tests.smoke.checks.workers import restore_timeout
from tests.smoke.report import Report
from tests.smoke.runner import Runner, remove
from tests.smoke.target import Target

FAULT = 2
"""Exit status if no check could run; it is 1 if a check has failed or something was left behind."""


def main(arguments: Sequence[str] | None = None, report: Report | None = None) -> int:
    """Run the checks, or remove leftovers. Returns the status to exit with."""
    options = _parser().parse_args(arguments)
    report = report or Report()
    try:
        checks = _chosen(options.only, is_full=options.full)
        target = Target.of(
            Stack.choose(options.stack, options.region, options.profile, Path.cwd()), options.api_url
        )
        with explained(is_local=target.is_emulated):
            if options.clean:
                return _clean(target, report)
            _refuse_production(target, is_sure=options.yes)
            report.say(f"{target.name} at {target.api_url}: {len(checks)} checks.")
            return _status(Runner(target, checks, report).run())
    except Fault as fault:
        report.say(str(fault))
        return FAULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.smoke",
        description="Check a deployment, in ways that only a real deployment allows.",
    )
    parser.add_argument("--stack", default=None, help="name of the deployed stack; by default the local one")
    parser.add_argument("--region", default=None, help="AWS region of the stack")
    parser.add_argument("--profile", default=None, help="AWS profile of the credentials")
    parser.add_argument("--api-url", default=None, help="the API's URL, if it differs from the stack's")
    parser.add_argument(
        "--full", action="store_true", help="also checks that take up to an hour, or change the stack"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this check; repeatable"
    )
    parser.add_argument("--yes", action="store_true", help="run even if the stack looks like production")
    parser.add_argument("--clean", action="store_true", help="only remove leftovers of interrupted runs")
    return parser


def _chosen(names: Sequence[str], *, is_full: bool) -> list[Check]:
    """Raises ``Fault`` for a name that no check has."""
    known = {check.name: check for check in CHECKS}
    if unknown := [name for name in names if name not in known]:
        raise Fault(f"There is no check {unknown[0]!r}; checks are: {', '.join(known)}.")
    if names:
        return [known[name] for name in names]
    return [check for check in CHECKS if is_full or not check.is_long]


def _refuse_production(target: Target, *, is_sure: bool) -> None:
    """Raises ``Fault``: a run raises an alarm, sends a burst, and with FULL=1 updates the stack."""
    if target.is_production and not is_sure:
        raise Fault(
            f"{target.name} (stage {target.parameters['Stage']}) looks like production. A run raises an alarm"
            " and bursts against the API's limits, and FULL=1 also updates the stack; to run it anyway, add"
            " YES=1."
        )


def _clean(target: Target, report: Report) -> int:
    found = leftovers.projects(target)
    report.say(f"Runs with leftovers in {target.name}: {len(found)}.")
    outcomes = []
    for project_id in found:
        outcomes.append(remove(target, project_id, report))
        report.ended(outcomes[-1])
    if not target.is_emulated:
        restore_timeout(target)
    return _status(outcomes)


def _status(outcomes: Sequence[Outcome]) -> int:
    return 1 if any(outcome.result is Result.FAILED for outcome in outcomes) else 0


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())
