"""A process whose limits are as near as a test says."""

from dataclasses import dataclass


@dataclass
class SetPressure:
    """``Pressure``."""

    memory: bool = False
    time: bool = False

    def lacks_memory(self) -> bool:
        return self.memory

    def lacks_time(self) -> bool:
        return self.time
