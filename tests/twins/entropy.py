"""Deterministic randomness."""

import hashlib


class SeededEntropy:
    """``Entropy`` from a seed: the same values in the same order, all different."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        drawn = b""
        while len(drawn) < count:
            self._drawn += 1
            drawn += hashlib.sha256(f"{self._seed}/{self._drawn}".encode()).digest()
        return drawn[:count]

    def fraction(self) -> float:
        return int.from_bytes(self.bytes(6)) / 2**48
