"""What is worked out once for all processes, until what it depends on changes."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.template.kept import MAX_AGE_SECONDS, kept


class Work:
    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> str:
        self.done += 1
        return f"made {self.done}"


def test_it_is_made_once_for_a_key(tmp_path: Path) -> None:
    work = Work()

    assert [kept(tmp_path / "new", key, work) for key in ("a", "b", "a")] == ["made 1", "made 2", "made 1"]


def test_whoever_asks_beside_it_waits(tmp_path: Path) -> None:
    work = Work()

    with ThreadPoolExecutor(4) as processes:
        assert set(processes.map(lambda _: kept(tmp_path, "a", work), range(8))) == {"made 1"}


def test_what_fails_is_made_again(tmp_path: Path) -> None:
    def fail() -> str:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        kept(tmp_path, "a", fail)

    assert kept(tmp_path, "a", Work()) == "made 1"


def test_half_of_it_is_never_read(tmp_path: Path) -> None:
    kept(tmp_path, "a", lambda: "whole")
    (whole,) = tmp_path.glob("*.txt")
    whole.rename(whole.with_suffix(".half"))  # as a process that is killed would leave it

    assert kept(tmp_path, "a", Work()) == "made 1"


def test_what_nobody_has_asked_for_in_a_day_is_deleted(tmp_path: Path) -> None:
    for key in ("unused", "used again"):
        kept(tmp_path, key, lambda: "made")
    long_ago = time.time() - MAX_AGE_SECONDS - 60
    for path in tmp_path.glob("*.txt"):
        os.utime(path, (long_ago, long_ago))

    kept(tmp_path, "used again", Work())
    kept(tmp_path, "new", Work())

    assert len(list(tmp_path.glob("*.txt"))) == 2
    assert kept(tmp_path, "used again", Work()) == "made"
