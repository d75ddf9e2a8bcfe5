"""Idempotency keys: which task a key stands for."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Reservation:
    """A task's id (or that of what else the request makes) that a key stands for until ``until`` (Unix
    milliseconds), for a request of this digest. With ``call_id`` the request did not make the task but
    answers this question of it."""

    task_id: str
    digest: str
    until: int
    call_id: str | None = None


class ReservationStore(Protocol):
    def reserve(self, project_id: str, scope: str, key: str, wanted: Reservation, now: int) -> Reservation:
        """Keep ``wanted``, unless an earlier reservation of the key still holds: the one that holds.

        ``scope`` is what the key is for, such as an agent. Raises ``StoreUnavailable``; asking again is safe.
        """
        ...
