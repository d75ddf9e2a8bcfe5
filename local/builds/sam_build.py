"""Builds of the functions and layers, each in a folder that `sam build` fills."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.builds.sources import deployment_digest
from local.tools import ROOT

SHARED = ROOT / ".local" / "builds"
MAX_AGE_SECONDS = 86_400.0
"""Longer than any stack that uses a shared build lives."""
STAMP = "sources.sha256"


def build_digest(architecture: str) -> str:
    """The digest of a build's inputs."""
    return deployment_digest({"Architecture": architecture})


def shared_build(architecture: str) -> Path:
    """The folder for the build of the current sources, which tests and benchmarks share."""
    return SHARED / build_digest(architecture)[:16]


@contextmanager
def outdated(build: Path, digest: str) -> Iterator[bool]:
    """Whether the folder lacks the build of that digest. If so, the block must build it; concurrent callers
    wait until the block ends."""
    build.parent.mkdir(parents=True, exist_ok=True)
    with (build.parent / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = build / STAMP
        if stamp.exists() and stamp.read_text() == digest:
            os.utime(stamp)
            yield False
        else:
            stamp.unlink(missing_ok=True)
            yield True
            stamp.write_text(digest)


def delete_old_builds(builds: Path = SHARED) -> None:
    """Delete builds unused for a day. Call it within the block of `outdated`, when no other process can start
    using one."""
    oldest = time.time() - MAX_AGE_SECONDS
    for build in builds.iterdir():
        stamp = build / STAMP
        if build.is_dir() and (stamp if stamp.exists() else build).stat().st_mtime < oldest:
            shutil.rmtree(build, ignore_errors=True)
