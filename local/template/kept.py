"""What takes seconds to work out and is the same for all processes until its sources change."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

MAX_AGE_SECONDS = 86_400.0


def kept(folder: Path, key: str, make: Callable[[], str]) -> str:
    """What `make` returns, from a file of the folder if it is there. `key` tells all that it depends on.

    Whoever asks beside it waits. What nobody has asked for in a day is deleted. Nothing is kept where `make`
    raises.
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
