"""All checks, in display order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.ports.errors import StoreUnavailable
from a2actl.deployment.account import explain
from a2actl.doctor.checks.alarms import check_alarms
from a2actl.doctor.checks.api import check_api
from a2actl.doctor.checks.claude import check_claude
from a2actl.doctor.checks.due import check_due
from a2actl.doctor.checks.functions import check_functions
from a2actl.doctor.checks.queues import check_dead_letters, check_queues
from a2actl.doctor.checks.secrets import check_secrets
from a2actl.doctor.checks.stack import check_stack
from a2actl.doctor.checks.tables import check_tables
from a2actl.doctor.checks.triggers import check_schedules, check_sources
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target
from a2actl.terminal.fault import Fault


@dataclass(frozen=True)
class Check:
    """``subject`` names it while it runs, and where it could not be done."""

    subject: str
    look: Callable[[Target], Iterator[Finding]]

    def findings(self, target: Target) -> list[Finding]:
        """The findings. A check that could not be made is a warning."""
        found: list[Finding] = []
        try:
            found.extend(self.look(target))
        except StoreUnavailable as error:
            found.append(self._unknown(explain(error.__cause__ or error)))
        except (ClientError, BotoCoreError) as error:
            found.append(self._unknown(explain(error)))
        except Fault as fault:
            found.append(Finding.fault(self.subject, str(fault), "Fix this, and check again."))
        return found

    def _unknown(self, reason: str) -> Finding:
        return Finding.warning(self.subject, f"could not be checked: {reason}", "Check again, or manually.")


CHECKS = (
    Check("Stack", check_stack),
    Check("Tables", check_tables),
    Check("Queues", check_queues),
    Check("Functions", check_functions),
    Check("Event sources", check_sources),
    Check("Schedules", check_schedules),
    Check("Secrets", check_secrets),
    Check("Claude", check_claude),
    Check("API", check_api),
    Check("Alarms", check_alarms),
    Check("Dead letters", check_dead_letters),
    Check("Due", check_due),
)
