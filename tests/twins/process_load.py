"""A process with limits as close as a test sets them."""

from dataclasses import dataclass


@dataclass
class SetProcessLoad:
    """``ProcessLoad``."""

    memory: bool = False
    time: bool = False

    def lacks_memory(self) -> bool:
        return self.memory

    def lacks_time(self) -> bool:
        return self.time
