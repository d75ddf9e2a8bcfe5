"""State of the sender of answers to WeCom, in memory."""

import threading
from dataclasses import dataclass, field

from a2a_tasks.wecom.ports import CachedToken, DeliveryProgress, DeliveryProgressRef


@dataclass
class MemoryDeliveryProgress:
    """``DeliveryProgressStore``, atomic under one lock."""

    sent: dict[DeliveryProgressRef, DeliveryProgress] = field(default_factory=dict)
    holders: dict[DeliveryProgressRef, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, ref: DeliveryProgressRef, holder: str, now: int, until: int) -> DeliveryProgress | None:
        with self._lock:
            held_by, held_until = self.holders.get(ref, (holder, 0))
            if held_by != holder and held_until > now:
                return None
            self.holders[ref] = holder, until
            return self.sent.setdefault(ref, DeliveryProgress())

    def note(self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress) -> bool:
        with self._lock:
            if self.holders.get(ref, ("", 0))[0] != holder:
                return False
            self.sent[ref] = sent
            return True

    def release(self, ref: DeliveryProgressRef, holder: str) -> None:
        with self._lock:
            if self.holders.get(ref, ("", 0))[0] == holder:
                del self.holders[ref]


@dataclass
class MemoryAccessTokens:
    """``AccessTokenStore``, atomic under one lock."""

    tokens: dict[str, CachedToken] = field(default_factory=dict)
    locks: dict[str, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, connection_id: str) -> CachedToken | None:
        return self.tokens.get(connection_id)

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        with self._lock:
            held_by, held_until = self.locks.get(connection_id, (holder, 0))
            if held_by != holder and held_until > now:
                return False
            self.locks[connection_id] = holder, until
            return True

    def put(self, connection_id: str, holder: str, token: CachedToken) -> bool:
        with self._lock:
            is_held = self.locks.get(connection_id, ("", 0))[0] == holder
            is_kept = connection_id in self.tokens and self.tokens[connection_id].sealed == token.sealed
            if not is_held and not is_kept:
                return False
            self.tokens[connection_id] = token
            self.locks.pop(connection_id, None)
            return True

    def unlock(self, connection_id: str, holder: str) -> None:
        with self._lock:
            if self.locks.get(connection_id, ("", 0))[0] == holder:
                del self.locks[connection_id]

    def drop(self, connection_id: str, sealed: bytes) -> None:
        with self._lock:
            found = self.tokens.get(connection_id)
            if found is not None and found.sealed == sealed:
                del self.tokens[connection_id]
