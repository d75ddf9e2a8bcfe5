"""What the API bills for a turn, in its own units. No prices here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelCall:
    """Tokens of one sampling of one model. A turn may consist of several (``usage.iterations``)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """Written to the five-minute cache."""
    cache_write_1h_tokens: int = 0
    """Written to the one-hour cache."""
    model: str | None = None
    """None: the model that was requested."""

    @property
    def prompt_tokens(self) -> int:
        """All input tokens, cached or not."""
        return (
            self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.cache_write_1h_tokens
        )


@dataclass(frozen=True)
class Bill:
    """What a turn was billed, or so far as known of one that was cut off."""

    calls: tuple[ModelCall, ...] = ()
    turns: int = 0
    """0 for a turn that was cut off."""
    web_searches: int = 0
    code_runs: int = 0
    """1 if the turn ran code in a container whose time is billed but not reported by the API."""
    geo: str | None = None
    """Where the model ran, as the API reports it (``global``, ``us``)."""
