"""Exponential backoff."""

_MOST_DOUBLINGS = 30
"""Far beyond every limit here, and far from what a number can hold."""


def backoff[N: (int, float)](doublings: int, first: N, longest: N) -> N:
    """``first``, doubled ``doublings`` times, at most ``longest``; in their unit."""
    return min(longest, first * (1 << min(doublings, _MOST_DOUBLINGS)))
