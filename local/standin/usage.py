"""Token counts, and a simulation of prompt caching."""

from dataclasses import dataclass
from typing import Any

from local.standin.messages_request import MessagesRequest


@dataclass(frozen=True, slots=True)
class InputUsage:
    """The input tokens of one call; their sum is the whole request."""

    uncached: int
    cache_creation: int = 0
    cache_read: int = 0

    @classmethod
    def of(cls, request: MessagesRequest, cached: set[str]) -> "InputUsage":
        """Count a request, given the digests of the prefixes that earlier calls left in the cache."""
        total = max(1, request.prefixes[-1].tokens)
        if not request.caches:
            return cls(total)
        known = [prefix.tokens for prefix in request.prefixes if prefix.digest in cached]
        # As with the real API, what comes after the last cache marker stays uncached: here one token.
        cacheable = total - 1
        read = min(cacheable, max(known, default=0))
        return cls(1, cacheable - read, read)

    def to_start(self) -> dict[str, Any]:
        """The `usage` of message_start."""
        return self.to_delta(output_tokens=1) | {
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_creation,
                "ephemeral_1h_input_tokens": 0,
            },
            "service_tier": "standard",
        }

    def to_delta(self, output_tokens: int) -> dict[str, Any]:
        """The cumulative `usage` of message_delta."""
        return {
            "input_tokens": self.uncached,
            "cache_creation_input_tokens": self.cache_creation,
            "cache_read_input_tokens": self.cache_read,
            "output_tokens": output_tokens,
        }
