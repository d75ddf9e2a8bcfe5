"""Access tokens of applications, shared by all processes: WeCom blocks whoever asks for them too often."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class KeptToken:
    """A token as it is kept: encrypted. ``expires_at`` is in Unix milliseconds."""

    sealed: bytes = field(repr=False)
    expires_at: int


class AccessTokenStore(Protocol):
    """One token for each connection. All methods raise ``StoreUnavailable`` and can be repeated."""

    def get(self, connection_id: str) -> KeptToken | None:
        """A consistent read."""
        ...

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        """Whether ``holder`` is the one who asks for a new token now. A lock that nobody frees ends at its
        ``until`` (Unix milliseconds)."""
        ...

    def put(self, connection_id: str, holder: str, token: KeptToken) -> bool:
        """Keep a token and free the lock; False if the lock is another's by now."""
        ...

    def unlock(self, connection_id: str, holder: str) -> None:
        """Free the lock, if it is still this holder's."""
        ...

    def drop(self, connection_id: str, sealed: bytes) -> None:
        """Forget a token that WeCom takes no more. One that has taken its place stays."""
        ...
