"""Where Chromium comes from, and what is said where it comes from nowhere."""

import platform
from pathlib import Path

import pytest

from local.browser import chromium
from local.browser.chromium import NoBrowser, find_chromium


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a browser; programs in the folder are on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "FOLDER", tmp_path / "tools" / "chromium")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return tmp_path


def program(folder: Path, name: str, script: str = "") -> Path:
    made = folder / name
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(0o755)
    return made


def test_one_on_the_path_is_taken_as_it_is(nothing_here: Path) -> None:
    installed = program(nothing_here, "chromium-headless-shell")
    found = find_chromium()
    assert (found.program, found.libraries) == (installed, None)


def test_without_one_and_without_npm_it_says_what_to_install() -> None:
    with pytest.raises(NoBrowser, match=r"npm is not installed.*apt-get install chromium-headless-shell"):
        find_chromium()


def test_another_archive_than_the_pinned_one_is_not_unpacked(nothing_here: Path) -> None:
    program(nothing_here, "npm", 'while [ "$1" != --pack-destination ]; do shift; done; echo x > "$2/a.tgz"')
    with pytest.raises(NoBrowser, match="does not match the pinned hash"):
        find_chromium()
    assert not chromium.FOLDER.exists()


def test_a_download_that_fails_is_told(nothing_here: Path) -> None:
    program(nothing_here, "npm", "echo E404 no such package >&2; exit 1")
    with pytest.raises(NoBrowser, match="E404 no such package"):
        find_chromium()


def test_a_processor_for_which_there_is_none_is_told(
    nothing_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(nothing_here, "npm")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(NoBrowser, match="it does not support aarch64"):
        find_chromium()
