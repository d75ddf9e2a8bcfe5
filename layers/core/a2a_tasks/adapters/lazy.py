"""Something that is made at its first use, once, whichever thread comes first."""

import threading
from collections.abc import Callable


class Lazy[T]:
    """``Lazy(make)()`` is what ``make`` gives, and the same from then on."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
