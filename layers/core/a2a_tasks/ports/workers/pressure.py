"""Limits of this process that are near."""

from typing import Protocol


class Pressure(Protocol):
    """Asked before a worker takes another task."""

    def lacks_memory(self) -> bool:
        """Whether so little memory is left that another large task might end the process."""
        ...

    def lacks_time(self) -> bool:
        """Whether the processor is so busy that the streams of the tasks in hand are slowed."""
        ...
