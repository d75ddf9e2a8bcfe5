"""Access tokens in the tasks' table: one item a connection, with the lock of who gets the next one."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.wecom.ports import CachedToken

TTL_GRACE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class DynamoDBAccessTokens(Store):
    """``AccessTokenStore``."""

    def get(self, connection_id: str) -> CachedToken | None:
        item = self._get(_key(connection_id)) or {}
        return CachedToken(bytes(item["sealed"]), int(item["expiresAt"])) if "sealed" in item else None

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        """Only one asks WeCom at a time; whoever has died with the lock loses it when its time is over. The
        same holder may come again, since the answer may have been lost."""
        lock = ItemUpdate().set(holder=holder, lockedUntil=until, ttl=_ttl(until))
        free = ("attribute_not_exists(lockedUntil)", "lockedUntil <= :now", "holder = :holder")
        return self._update(_key(connection_id), lock.when(*free, now=now)).is_made

    def put(self, connection_id: str, holder: str, token: CachedToken) -> bool:
        """Protects the newer token of whoever took over the lock. What is already so was this very write."""
        update = ItemUpdate().set(sealed=token.sealed, expiresAt=token.expires_at, ttl=_ttl(token.expires_at))
        # in the same write: a crash between two writes would leave the lock until it expires
        update = update.remove("holder", "lockedUntil")
        update = update.when("holder = :holder", "sealed = :sealed", holder=holder)
        return self._update(_key(connection_id), update).is_made

    def unlock(self, connection_id: str, holder: str) -> None:
        """Protects the lock of another holder."""
        unlock = ItemUpdate().remove("holder", "lockedUntil").when("holder = :holder", holder=holder)
        self._update(_key(connection_id), unlock)

    def drop(self, connection_id: str, sealed: bytes) -> None:
        """Protects the token that has taken this one's place."""
        drop = ItemUpdate().remove("sealed", "expiresAt").when("sealed = :sealed", sealed=sealed)
        self._update(_key(connection_id), drop)


def _key(connection_id: str) -> Item:
    return {"pk": f"WECOM#{connection_id}", "sk": "TOKEN"}


def _ttl(at: int) -> int:
    return at // 1000 + TTL_GRACE_SECONDS
