"""What the checks of one run share."""

import time
from dataclasses import dataclass, field

from tests.smoke.receiver import Receiver
from tests.smoke.target import Target
from tests.smoke.tenant import Tenant
from tests.smoke.time_limit import TimeLimit


@dataclass(frozen=True)
class Run:
    """``time_limit`` is of the check; ``started_at`` is in Unix seconds, a moment before the first check."""

    target: Target
    tenant: Tenant
    receiver: Receiver
    time_limit: TimeLimit
    started_at: float = field(default_factory=time.time)
