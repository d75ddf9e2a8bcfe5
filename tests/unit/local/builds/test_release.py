"""A release's name, and where it is written; and which release came before."""

import subprocess
from pathlib import Path

import pytest

from local.builds import previous_release
from local.builds.previous_release import Release
from local.builds.release import release_of, stamped
from local.template.transformed import TEMPLATE

DIGEST = "0123456789abcdef"


def test_its_name_tells_version_and_content() -> None:
    version, _, digest = release_of(DIGEST).rpartition("-")
    assert (version.count("."), digest) == (2, "0123456789")


def test_the_template_has_one_place_for_it() -> None:
    before = TEMPLATE.read_text("utf-8")
    assert before.count("RELEASE: unreleased") == 1


def test_it_is_written_beside_what_was_built(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text("Globals:\n  Variables:\n    RELEASE: unreleased\n    OTHER: x\n")

    copy = stamped(built, "0.1.0-aa", "release.yaml")

    assert copy == tmp_path / "release.yaml"
    assert "    RELEASE: 0.1.0-aa\n    OTHER: x\n" in copy.read_text()
    assert "unreleased" in built.read_text()
    assert "RELEASE: 0.1.0-bb\n" in stamped(copy, "0.1.0-bb", "release.yaml").read_text()


def test_a_template_without_a_place_for_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Globals: {}\n")
    with pytest.raises(LookupError, match="0 variables RELEASE; expected one"):
        stamped(tmp_path / "template.yaml", "0.1.0-aa", "release.yaml")


class Repository:
    """One of our own, in place of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self("init", "--quiet")

    def __call__(self, *command: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *command], cwd=self.folder, check=True, capture_output=True)

    def commit(self, text: str, *tags: str) -> None:
        (self.folder / "file").write_text(text)
        self("add", "file")
        self("commit", "--quiet", "--message", text)
        for tag in tags:
            self("tag", tag)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.setattr(previous_release, "ROOT", folder)
    return Repository(folder)


def found(tmp_path: Path) -> tuple[Release, str]:
    tree = tmp_path / "tree"
    tree.mkdir()
    release = previous_release.previous_release(tree)
    return release, (tree / "file").read_text()


def test_the_release_before_is_the_newest_tag_before_this_commit(
    tmp_path: Path, repository: Repository
) -> None:
    repository.commit("one", "v0.1.0")
    repository.commit("two", "v0.2.0", "nightly")
    repository.commit("three", "v0.3.0")

    release, text = found(tmp_path)

    assert (release.name, release.stands_in, text) == ("v0.2.0", "", "two")


@pytest.mark.parametrize("tags", [(), ("v0.1.0",)], ids=["none at all", "only this commit's"])
def test_without_one_this_commit_stands_in_and_says_so(
    tmp_path: Path, repository: Repository, tags: tuple[str, ...]
) -> None:
    repository.commit("only", *tags)
    (repository.folder / "file").write_text("not committed")

    release, text = found(tmp_path)

    assert (release.name, text) == ("HEAD", "only")
    assert release.stands_in.startswith("no release is tagged before this commit")


def test_without_history_the_files_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "archive"
    (folder / ".local").mkdir(parents=True)
    (folder / "file").write_text("unpacked")
    monkeypatch.setattr(previous_release, "ROOT", folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    release, text = found(tmp_path)

    assert (release.name, text) == ("HEAD", "unpacked")
    assert not (release.tree / ".local").exists()
