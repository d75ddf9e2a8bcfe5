"""Stacks of the same sources share a build: one makes it, and nobody uses half of one."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.builds.sam_build import MAX_AGE_SECONDS, STAMP, delete_old_builds, outdated


def test_one_builds_and_the_others_wait_for_it(tmp_path: Path) -> None:
    build = tmp_path / "builds" / "a"

    def use(_: int) -> bool:
        with outdated(build, "digest") as is_outdated:
            if is_outdated:
                build.mkdir()  # fails if another has
        assert (build / STAMP).read_text() == "digest"
        return is_outdated

    with ThreadPoolExecutor(4) as stacks:
        assert sorted(stacks.map(use, range(8))) == [False] * 7 + [True]


def test_a_build_that_failed_is_made_again(tmp_path: Path) -> None:
    build = tmp_path / "a"
    build.mkdir()
    (build / STAMP).write_text("earlier")
    for digest in ("digest", "digest", "earlier"):
        with pytest.raises(OSError, match="no network"), outdated(build, digest):
            raise OSError("no network")
        assert not (build / STAMP).exists()


def test_builds_that_nobody_used_for_a_day_are_deleted(tmp_path: Path) -> None:
    long_ago = time.time() - MAX_AGE_SECONDS - 60
    for name in ("used again", "half of one", "unused"):
        folder = tmp_path / name
        folder.mkdir()
        if name != "half of one":
            (folder / STAMP).write_text("digest")
            os.utime(folder / STAMP, (long_ago, long_ago))
        os.utime(folder, (long_ago, long_ago))

    with outdated(tmp_path / "used again", "digest") as is_outdated:
        assert not is_outdated
    with outdated(tmp_path / "new", "digest"):
        (tmp_path / "new").mkdir()
        delete_old_builds(tmp_path)

    assert {each.name for each in tmp_path.iterdir() if each.is_dir()} == {"used again", "new"}
