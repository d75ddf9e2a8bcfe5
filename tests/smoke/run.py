"""What the checks of one run share."""

import time
from dataclasses import dataclass, field

from tests.smoke.patience import Patience
from tests.smoke.receiver import Receiver
from tests.smoke.target import Target
from tests.smoke.tenant import Tenant


@dataclass(frozen=True)
class Run:
    """``patience`` is the check's own; ``started_at`` is in Unix seconds, a moment before the first check."""

    target: Target
    tenant: Tenant
    receiver: Receiver
    patience: Patience
    started_at: float = field(default_factory=time.time)
