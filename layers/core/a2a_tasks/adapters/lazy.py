"""A thread-safe value that is created on first use."""

import threading
from collections.abc import Callable


class Lazy[T]:
    """``Lazy(make)()`` returns what ``make`` returned the first time."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        # held during creation, so that concurrent threads create only one
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
