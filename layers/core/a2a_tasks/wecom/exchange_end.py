"""Records the end of an exchange; any process may do so first."""

from a2a_tasks.domain.task import Task
from a2a_tasks.wecom.exchange import Exchange, end_of_exchange
from a2a_tasks.wecom.ports import ExchangeStore


def record_end(exchanges: ExchangeStore, exchange: Exchange, task: Task) -> Exchange:
    """The exchange, with its end written down if ``task`` has come to one: only then can it be delivered.

    Raises ``StoreUnavailable``.
    """
    # the first end stays, because it may have been delivered
    if exchange.end is not None:
        return exchange
    # if another process records the end first, that one applies
    end = end_of_exchange(exchange, task)
    return (exchanges.end(exchange.ref, end) if end else None) or exchange
