"""Where the local workers find Claude."""

from collections.abc import Mapping
from dataclasses import dataclass

OFFICIAL_BASE_URL = "https://api.anthropic.com"
# The stand-in accepts any key; the worker requires one.
STAND_IN_KEY = "stand-in"
NO_KEY = "none"


@dataclass(frozen=True)
class Claude:
    """The address and key that the workers use. `is_stand_in` tells whether it is the stand-in."""

    base_url: str
    api_key: str
    is_stand_in: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], stand_in_port: int) -> "Claude":
        """What ANTHROPIC_API_KEY or ANTHROPIC_BASE_URL name, else the stand-in on this port.

        An address without a key is a proxy that has one; it is sent a placeholder. The stand-in's own
        address selects the stand-in.
        """
        key = environment.get("ANTHROPIC_API_KEY", "").strip()
        base_url = environment.get("ANTHROPIC_BASE_URL", "").strip().rstrip("/")
        own = {f"http://{host}:{stand_in_port}" for host in ("127.0.0.1", "localhost")}
        if base_url in own or not (key or base_url):
            return cls.stand_in(stand_in_port)
        return cls(base_url or OFFICIAL_BASE_URL, key or NO_KEY, is_stand_in=False)

    @classmethod
    def stand_in(cls, port: int) -> "Claude":
        return cls(f"http://127.0.0.1:{port}", STAND_IN_KEY, is_stand_in=True)
