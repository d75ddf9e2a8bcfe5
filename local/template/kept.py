"""A cache for results that take seconds to compute and are the same for all processes until the sources
change."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

MAX_AGE_SECONDS = 86_400.0


def kept(folder: Path, key: str, make: Callable[[], str]) -> str:
    """The result of `make`, from a file of the folder if it exists. `key` identifies all of its inputs.

    Concurrent callers wait. Results unused for a day are deleted. Nothing is stored if `make` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            os.utime(path)
            return path.read_text("utf-8")
        _delete_old(folder)
        made = make()
        half = path.with_suffix(".half")
        half.write_text(made, "utf-8")
        half.replace(path)
        return made


def _delete_old(folder: Path) -> None:
    oldest = time.time() - MAX_AGE_SECONDS
    for path in folder.glob("*.txt"):
        if path.stat().st_mtime < oldest:
            path.unlink()
