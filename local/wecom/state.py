"""The whole state of one double, recreated by a reset or by new settings."""

from local.wecom.exchanges import Exchanges
from local.wecom.faults import Faults
from local.wecom.record import Record
from local.wecom.sending.cards import Cards
from local.wecom.sending.media import Media
from local.wecom.sending.messages import Messages
from local.wecom.sending.response_urls import ResponseUrls
from local.wecom.sending.tokens import Tokens
from local.wecom.sending.webhooks import Webhooks
from local.wecom.sending.windows import Windows
from local.wecom.settings import Settings


class State:
    """The components and their shared state."""

    def __init__(self) -> None:
        self.exchanges = Exchanges()
        self.renew(Settings())

    def renew(self, settings: Settings) -> None:
        """Forget everything, and apply these settings."""
        self.exchanges.clear()
        self.settings = settings
        self.record = Record()
        self.faults = Faults()
        self.media = Media()
        self.cards = Cards()
        self.tokens = Tokens(settings)
        self.messages = Messages(settings, self.record, self.media, self.cards)
        self.webhooks = Webhooks(settings, self.record, self.media)
        self.response_urls = ResponseUrls(self.record)
        self.calls = Windows()
        self.welcomed: set[tuple[str, int]] = set()
