"""What the model's API bills for a turn, in the units in which it says it: nothing here is a price."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelCall:
    """The tokens of one sampling of one model; a turn may consist of several (``usage.iterations``).

    ``cache_write_tokens`` are those written for five minutes. ``model`` is None for the one that was asked.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    model: str | None = None

    @property
    def prompt_tokens(self) -> int:
        """All that the model was shown, cached or not."""
        return (
            self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.cache_write_1h_tokens
        )


@dataclass(frozen=True)
class Bill:
    """One turn, or what there is of one that was cut off: then ``turns`` is 0.

    ``code_runs`` is 1 where the turn ran code in a container whose time is charged for, which the API does
    not report. ``geo`` is where the model ran, as the API says it (``global``, ``us``).
    """

    calls: tuple[ModelCall, ...] = ()
    turns: int = 0
    web_searches: int = 0
    code_runs: int = 0
    geo: str | None = None
