"""The release before this one, as a tree of its own: what a deployment is upgraded from, and goes back to."""

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
    """A release's sources in `tree`. `stands_in` says why it is not the release before, if it is not."""

    name: str
    tree: Path
    stands_in: str = ""


def previous_release(tree: Path) -> Release:
    """Unpack the newest release into the empty folder `tree`, of those that came before the commit at hand.

    Where none is tagged, or a clone has not its history, it is the commit at hand itself; and without git, a
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
    """What git says; nothing where it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=GIT_SECONDS
        )
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""
