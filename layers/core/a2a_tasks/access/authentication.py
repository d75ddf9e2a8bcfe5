"""Authentication by API key."""

from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.ports.registry import KeyReader


def authenticate(keys: KeyReader, authorization: str, now: int) -> ApiKey | None:
    """The valid key of an ``Authorization: Bearer …`` header, or None for whatever reason. ``now`` is in
    Unix milliseconds."""
    scheme, _, token = authorization.strip().partition(" ")
    presented = api_key.parse(token.strip()) if scheme.lower() == "bearer" else None
    if presented is None:
        return None
    stored = keys.key(presented.key_id)
    return stored if api_key.matches(presented, stored, now) else None
