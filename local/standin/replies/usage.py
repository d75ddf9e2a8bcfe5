"""Token counts, and a simulation of prompt caching."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.replies.reply import Reply
from local.standin.request.messages_request import MessagesRequest
from local.standin.request.prefixes import CHARACTERS_PER_TOKEN
from local.standin.step import Step


@dataclass(frozen=True, slots=True)
class InputUsage:
    """The input tokens of one call; they add up to the whole request. `opening`: system prompt and tools."""

    uncached: int
    cache_creation: int = 0
    cache_read: int = 0
    cache_ttl: str = "5m"
    opening: int = 0
    service_tier: str = "standard"
    geo: str | None = None

    @classmethod
    def of(
        cls, request: MessagesRequest, step: Step, cached: set[str], service_tier: str = "standard"
    ) -> "InputUsage":
        """Count a request, given the digests of the prefixes that earlier calls left in the cache."""
        whole = request.prefixes[-1]
        total = step.prompt_tokens or max(1, whole.tokens)
        opening = request.prefixes[0].tokens
        geo = step.geo or request.inference_geo
        if request.cache_ttl is None:
            return cls(total, opening=opening, service_tier=service_tier, geo=geo)
        # A prefix from before the last compaction is not a prefix of what the model reads now.
        shown = [prefix for prefix in request.prefixes if prefix.compactions == whole.compactions]
        known = [prefix.tokens for prefix in shown if prefix.digest in cached]
        # As with the real API, the part after the last cache marker stays uncached: here one token.
        cacheable = total - 1
        read = min(cacheable, max(known, default=0))
        return cls(1, cacheable - read, read, request.cache_ttl, opening, service_tier, geo)

    def to_start(self) -> dict[str, Any]:
        """The `usage` of message_start."""
        return self._counts(output_tokens=1) | {
            "cache_creation": self._cache_creation(),
            "service_tier": self.service_tier,
            "inference_geo": self.geo,
        }

    def to_end(self, reply: Reply) -> dict[str, Any]:
        """The cumulative `usage` of message_delta.

        The tokens of a compaction are only in `iterations`, none of them in the counts beside it:
        https://platform.claude.com/docs/en/build-with-claude/compaction-threshold
        """
        usage = self._counts(reply.output_tokens)
        if reply.summary is not None:
            usage = self._with_compaction(reply, reply.summary)
        if reply.hops:
            usage["iterations"] = list(self._attempts(reply))
        searches, fetches = reply.web_requests
        if searches or fetches:
            usage["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": fetches}
        return usage

    def to_whole(self, reply: Reply) -> dict[str, Any]:
        """The `usage` of a message that is not streamed."""
        return self.to_start() | self.to_end(reply)

    def _attempts(self, reply: Reply) -> Iterator[dict[str, Any]]:
        attempts = reply.attempts(reply.hops[0].declined)
        for number, (model, output_tokens) in enumerate(attempts, 1):
            is_last = number == len(attempts)
            counts = self._counts(reply.output_tokens if is_last else output_tokens)
            yield {"type": "fallback_message" if is_last else "message", "model": model} | counts

    def _with_compaction(self, reply: Reply, summary: str) -> dict[str, Any]:
        summary_tokens = max(1, len(summary) // CHARACTERS_PER_TOKEN)
        counts = self._counts(summary_tokens) | {"cache_creation": self._cache_creation()}
        iterations = [{"type": "compaction"} | counts]
        if reply.is_summary_only:
            return InputUsage(0)._counts(output_tokens=0) | {"iterations": iterations}
        message = InputUsage(self.opening + summary_tokens)._counts(reply.output_tokens)
        return message | {"iterations": [*iterations, {"type": "message"} | message]}

    def _cache_creation(self) -> dict[str, int]:
        in_an_hour = self.cache_creation if self.cache_ttl == "1h" else 0
        return {
            "ephemeral_5m_input_tokens": self.cache_creation - in_an_hour,
            "ephemeral_1h_input_tokens": in_an_hour,
        }

    def _counts(self, output_tokens: int) -> dict[str, Any]:
        return {
            "input_tokens": self.uncached,
            "cache_creation_input_tokens": self.cache_creation,
            "cache_read_input_tokens": self.cache_read,
            "output_tokens": output_tokens,
        }
