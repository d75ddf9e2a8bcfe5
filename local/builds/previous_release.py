"""The previous release as a source tree of its own: upgrade tests start from it and roll back to it."""

import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from local.tools import ROOT

TAGS = "v[0-9]*"
GIT_SECONDS = 60
NOT_COPIED = (".*", "__pycache__", "node_modules")


@dataclass(frozen=True)
class Release:
    """A release's sources in `tree`. `stands_in` says why it is not the previous release, if it is not."""

    name: str
    tree: Path
    stands_in: str = ""


def previous_release(tree: Path) -> Release:
    """Unpack the newest release before the current commit into the empty folder `tree`.

    If no release is tagged, or the clone lacks its history, it is the current commit itself; without git, a
    copy of the files.
    """
    tag = _git("describe", "--tags", "--abbrev=0", "--match", TAGS, "HEAD~1").decode().strip()
    if packed := _git("archive", tag or "HEAD"):
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(tree, filter="data")
    else:
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
    if tag:
        return Release(tag, tree)
    return Release(
        "HEAD", tree, "no release is tagged before this commit, or this clone lacks tags and history"
    )


def _git(*arguments: str) -> bytes:
    """Git's output; nothing if it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=GIT_SECONDS
        )
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""
