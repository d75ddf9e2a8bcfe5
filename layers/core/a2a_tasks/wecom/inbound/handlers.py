"""Who answers messages: one for each kind of connection that people write to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they load most of the package, and a URL is verified without them
    from a2a_tasks.wecom.inbound.application import Application
    from a2a_tasks.wecom.inbound.bot import Bot


@dataclass(frozen=True)
class MessageHandlers:
    """One handler for each kind of connection."""

    bot: "Bot"
    app: "Application"
