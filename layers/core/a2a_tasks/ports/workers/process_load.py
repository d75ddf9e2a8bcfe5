"""Memory and CPU load of this process."""

from typing import Protocol


class ProcessLoad(Protocol):
    """Checked before a worker takes another task."""

    def lacks_memory(self) -> bool:
        """Whether so little memory is left that another large task might end the process."""
        ...

    def lacks_time(self) -> bool:
        """Whether the CPU is so busy that the streams of the running tasks are slowed."""
        ...
