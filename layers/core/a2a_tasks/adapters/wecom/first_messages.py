"""First messages in the tasks' table: the reservation of their key and their exchange in one transaction."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import ALWAYS, Store
from a2a_tasks.adapters.dynamodb.tasks.reservations import is_free, reservation_item
from a2a_tasks.adapters.wecom.exchanges import from_exchange
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.wecom.exchange import Exchange


@dataclass(frozen=True)
class DynamoDBFirstMessages(Store):
    """``FirstMessages``."""

    def begin(
        self, project_id: str, scope: str, key: str, wanted: Reservation, exchange: Exchange, now: int
    ) -> bool:
        """Protects the earlier reservation, whose exchange may be there or not. A retry of the same call is
        known by its token, which the SDK makes."""
        reservation = reservation_item(project_id, scope, key, wanted)
        stored = from_exchange(exchange) | {"ttl": wanted.until // 1000}
        return self._transact(("Put", reservation, is_free(now)), ("Put", stored, ALWAYS))
