"""What an input may cost. Memory is counted by allocations, which are the same on every machine."""

import tracemalloc

from tests.fuzz.parsers import REFUSED, Parser

TIMES_ITS_SIZE = 40
FREE_BYTES = 1_000_000


def parse(parser: Parser, given: bytes) -> None:
    """Let it be read or refused; any other exception passes through."""
    try:
        parser(given)
    except REFUSED:
        return


def peak_of(parser: Parser, given: bytes) -> int:
    """Bytes that are in use at the worst moment, above those before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        parse(parser, given)
        _, peak = tracemalloc.get_traced_memory()
        return peak - before
    finally:
        tracemalloc.stop()


def allowed(given: bytes) -> int:
    return TIMES_ITS_SIZE * len(given) + FREE_BYTES
