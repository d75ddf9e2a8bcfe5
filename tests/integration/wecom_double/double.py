"""The double that these tests share: its clock, and how to set it."""

from dataclasses import replace

from local.wecom.client import WeComClient
from local.wecom.clock import JumpingClock

CLOCK = JumpingClock()


def tighten(wecom: WeComClient, **limits: object) -> None:
    """Lower limits, so that a test reaches them."""
    wecom.use(replace(wecom.settings(), **limits))  # type: ignore[arg-type]
