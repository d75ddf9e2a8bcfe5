"""Files created by the model's code, in memory."""

from dataclasses import dataclass, field

from a2a_tasks.ports.model import ModelFile, ModelFileUnavailable


@dataclass
class MemoryFiles:
    """``ModelFiles`` with these, by id; ``failures`` are raised first, in order. ``fetched`` are the
    calls."""

    files: dict[str, ModelFile] = field(default_factory=dict)
    failures: dict[str, list[ModelFileUnavailable]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:
        self.fetched.append(file_id)
        if failures := self.failures.get(file_id):
            raise failures.pop(0)
        file = self.files[file_id]
        if len(file.data) > max_bytes:
            raise ModelFileUnavailable(f"it has more than {max_bytes} bytes", file.name)
        return file
