"""Files that the model's own tools have made, where the model is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ModelFile:
    """A file with the name and the media type that the service gives it."""

    name: str
    media_type: str
    data: bytes


@dataclass
class FileUnavailable(Exception):
    """A file that cannot be had, why, and whether another try may have it. ``name`` is its name, if known."""

    reason: str
    name: str | None = None
    may_come: bool = False

    def __str__(self) -> str:
        return self.reason


class ModelFiles(Protocol):
    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:
        """The file, if it is not larger. Raises ``FileUnavailable``, within a bounded time."""
        ...
