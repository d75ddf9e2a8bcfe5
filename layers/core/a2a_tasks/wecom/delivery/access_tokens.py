"""Access tokens: asked for by one process at a time, shared by all, replaced before they end."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.delivery.token_seal import NONCE_BYTES, open_sealed, seal
from a2a_tasks.wecom.ports import AccessTokenStore, CachedToken, WeComApi, WeComRefused

EARLY_MS = 300_000
"""So long before its end a token is replaced; it is good meanwhile."""
LAST_USE_MS = 15_000
"""With less than this left a token is not used any more: it would end on the way."""
LOCK_MS = 20_000
"""Longer than WeCom takes to give a token, or not to."""
REFUSED_MS = 60_000
"""Nobody asks again for so long after a refusal: WeCom blocks who does so thousands of times an hour."""
SAME_MS = 60_000
"""Nobody asks again for so long after WeCom gave the token that is about to end once more."""
WAITS = 12
WAIT_SECONDS = 0.5


class TokenBusy(Exception):
    """Another process asks for a token, or has been refused one a moment ago."""


@dataclass(frozen=True)
class AccessToken:
    """``sealed`` is how the store has it."""

    value: str
    sealed: bytes


@dataclass(frozen=True)
class AccessTokens:
    """``pause`` blocks for so many seconds."""

    store: AccessTokenStore
    api: WeComApi
    clock: Clock
    entropy: Entropy
    pause: Callable[[float], None]

    def token(self, connection: Connection, corp_secret: str) -> AccessToken:
        """A valid token. Raises ``TokenBusy``, ``StoreUnavailable``, ``WeComRefused`` and
        ``WeComUnanswered``."""
        holder = self.entropy.bytes(8).hex()
        for wait in range(WAITS):
            if wait:
                self.pause(WAIT_SECONDS)
            # read again after each wait: whoever has the lock may be done
            token, left_ms = self._cached(connection, corp_secret)
            if token is not None and left_ms > EARLY_MS:
                return token
            now = self.clock.now()
            # by one process: WeCom blocks who asks too often
            if self.store.lock(connection.connection_id, holder, now, now + LOCK_MS):
                return self._renewed(connection, corp_secret, holder)
            # another is at it, and this one is still good
            if token is not None and left_ms > LAST_USE_MS:
                return token
        raise TokenBusy("another process asks for an access token")

    def drop(self, connection: Connection, token: AccessToken) -> None:
        """WeCom does not take it. Raises ``StoreUnavailable``."""
        self.store.drop(connection.connection_id, token.sealed)

    def _renewed(self, connection: Connection, corp_secret: str, holder: str) -> AccessToken:
        """With the lock: a new token, unless another process was faster."""
        # between the look and the lock another process may have come and gone
        token, left_ms = self._cached(connection, corp_secret)
        if token is not None and left_ms > EARLY_MS:
            self.store.unlock(connection.connection_id, holder)
            return token
        try:
            issued = self.api.issue_token(connection, corp_secret)
        except WeComRefused:
            now = self.clock.now()
            # the lock is kept, and so keeps everybody from asking again
            self.store.lock(connection.connection_id, holder, now, now + REFUSED_MS)
            raise
        except Exception:
            # let go, since WeCom has refused nothing
            self.store.unlock(connection.connection_id, holder)
            raise
        nonce = self.entropy.bytes(NONCE_BYTES)
        sealed = seal(issued.value, corp_secret, connection.connection_id, nonce)
        now = self.clock.now()
        expires_at = now + issued.seconds * 1000
        # it is good even if the lock was lost meanwhile: WeCom gives everybody the same
        self.store.put(connection.connection_id, holder, CachedToken(sealed, expires_at))
        if issued.seconds * 1000 <= EARLY_MS:
            # the same as before, which WeCom gives until it ends
            until = min(now + SAME_MS, expires_at - LAST_USE_MS)
            self.store.lock(connection.connection_id, holder, now, until)
        return AccessToken(issued.value, sealed)

    def _cached(self, connection: Connection, corp_secret: str) -> tuple[AccessToken | None, int]:
        """The token that is kept, and for how many milliseconds it is still good."""
        cached = self.store.get(connection.connection_id)
        if cached is None:
            return None, 0
        value = open_sealed(cached.sealed, corp_secret, connection.connection_id)
        left_ms = cached.expires_at - self.clock.now()
        return (AccessToken(value, cached.sealed), left_ms) if value is not None else (None, 0)
