"""Message handlers, one for each kind of connection that receives messages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they import most of the package, and URL verification does not need them
    from a2a_tasks.wecom.inbound.application import Application
    from a2a_tasks.wecom.inbound.bot import Bot


@dataclass(frozen=True)
class MessageHandlers:
    """One handler for each kind of connection."""

    bot: "Bot"
    app: "Application"
