"""Access tokens: requested by one process at a time, shared by all, replaced before they expire."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.delivery.token_seal import NONCE_BYTES, open_sealed, seal
from a2a_tasks.wecom.ports import AccessTokenStore, CachedToken, WeComApi, WeComRefused

EARLY_MS = 300_000
"""A token is replaced this long before it expires; until then it stays in use."""
LAST_USE_MS = 15_000
"""A token with less time left is not used, because it could expire during the request."""
LOCK_MS = 20_000
"""Longer than a token request can take."""
REFUSED_MS = 60_000
"""Pause after a refused request. WeCom blocks clients that send thousands of them an hour."""
SAME_MS = 60_000
"""Pause after WeCom has returned the same, soon expiring token again."""
WAITS = 12
WAIT_SECONDS = 0.5


class TokenBusy(Exception):
    """Another process is requesting a token, or was refused one a moment ago."""


@dataclass(frozen=True)
class AccessToken:
    """``sealed`` is the token as stored."""

    value: str
    sealed: bytes


@dataclass(frozen=True)
class AccessTokens:
    """``pause`` blocks for a number of seconds."""

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
            # read again after each wait, because the lock's holder may have finished
            token, left_ms = self._cached(connection, corp_secret)
            if token is not None and left_ms > EARLY_MS:
                return token
            now = self.clock.now()
            # by one process only, because WeCom blocks clients that ask too often
            if self.store.lock(connection.connection_id, holder, now, now + LOCK_MS):
                return self._renewed(connection, corp_secret, holder)
            # another process is requesting a token, and the current one is still valid
            if token is not None and left_ms > LAST_USE_MS:
                return token
        raise TokenBusy("another process asks for an access token")

    def drop(self, connection: Connection, token: AccessToken) -> None:
        """Discard a token that WeCom rejects. Raises ``StoreUnavailable``."""
        self.store.drop(connection.connection_id, token.sealed)

    def _renewed(self, connection: Connection, corp_secret: str, holder: str) -> AccessToken:
        """A new token, while holding the lock, unless another process was faster."""
        # another process may have stored a token before this one got the lock
        token, left_ms = self._cached(connection, corp_secret)
        if token is not None and left_ms > EARLY_MS:
            self.store.unlock(connection.connection_id, holder)
            return token
        try:
            issued = self.api.issue_token(connection, corp_secret)
        except WeComRefused:
            now = self.clock.now()
            # the lock is kept, so that no process asks again for a while
            self.store.lock(connection.connection_id, holder, now, now + REFUSED_MS)
            raise
        except Exception:
            # released, because WeCom has not refused
            self.store.unlock(connection.connection_id, holder)
            raise
        nonce = self.entropy.bytes(NONCE_BYTES)
        sealed = seal(issued.value, corp_secret, connection.connection_id, nonce)
        now = self.clock.now()
        expires_at = now + issued.seconds * 1000
        # valid even if the lock was lost meanwhile, because WeCom returns the same token to all
        self.store.put(connection.connection_id, holder, CachedToken(sealed, expires_at))
        if issued.seconds * 1000 <= EARLY_MS:
            # WeCom returned the same token as before, which it does until the token expires
            until = min(now + SAME_MS, expires_at - LAST_USE_MS)
            self.store.lock(connection.connection_id, holder, now, until)
        return AccessToken(issued.value, sealed)

    def _cached(self, connection: Connection, corp_secret: str) -> tuple[AccessToken | None, int]:
        """The stored token, and for how many milliseconds it is still valid."""
        cached = self.store.get(connection.connection_id)
        if cached is None:
            return None, 0
        value = open_sealed(cached.sealed, corp_secret, connection.connection_id)
        left_ms = cached.expires_at - self.clock.now()
        return (AccessToken(value, cached.sealed), left_ms) if value is not None else (None, 0)
