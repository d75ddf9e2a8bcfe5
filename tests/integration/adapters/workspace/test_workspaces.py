"""Workspaces on a real disk: apart from each other, gone when closed, the same after a snapshot, and safe
from what an archive, a pattern or a path can hold."""

import gzip
import io
import os
import random
import stat
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a2a_tasks.adapters.workspace.folder import FolderWorkspace, FolderWorkspaces
from a2a_tasks.domain.tools.workspace import FILE_BYTES, FILES, PATH_BYTES, TOTAL_BYTES
from a2a_tasks.execution.tools.workspace import run
from a2a_tasks.ports.workspace import Search, WorkspaceRefused

ONE = "0190f3a1-0000-7000-8000-000000000001"
TWO = "0190f3a1-0000-7000-8000-000000000002"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspaces"


@pytest.fixture
def workspaces(root: Path) -> FolderWorkspaces:
    return FolderWorkspaces(root)


def everything(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def contents(workspace: FolderWorkspace) -> dict[str, tuple[str, ...]]:
    return {path: workspace.read(path, 1, 1_000_000).lines for path in workspace.glob("**")}


def test_two_tasks_do_not_see_each_other(workspaces: FolderWorkspaces) -> None:
    one, two = workspaces.open(ONE, None), workspaces.open(TWO, None)
    one.write("secret", "of one")
    two.write("secret", "of two")
    one.write("more", "of one")

    assert contents(two) == {"secret": ("of two",)}
    one.close()
    assert contents(two) == {"secret": ("of two",)}


def test_nobody_else_may_look_in(workspaces: FolderWorkspaces, root: Path) -> None:
    root.mkdir(mode=0o755)
    workspaces.open(ONE, None).write("a", "x")
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_a_closed_workspace_leaves_nothing_and_refuses_late_calls(
    workspaces: FolderWorkspaces, root: Path
) -> None:
    workspace = workspaces.open(ONE, None)
    workspace.write("a", "x")
    workspace.close()
    workspace.close()

    for late in (
        lambda: workspace.write("a", "x"),
        lambda: workspace.read("a", 1, 1),
        lambda: workspace.edit("a", "x", "y", False),
        lambda: workspace.glob("**"),
        lambda: workspace.grep(Search("x")),
        workspace.snapshot,
    ):
        with pytest.raises(WorkspaceRefused, match="closed"):
            late()
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_opened_again_it_is_empty_and_the_earlier_one_cannot_write_into_it(
    workspaces: FolderWorkspaces,
) -> None:
    stale = workspaces.open(ONE, None)
    stale.write("a", "stale")
    fresh = workspaces.open(ONE, None)
    with pytest.raises(WorkspaceRefused, match="closed"):
        stale.write("b", "stale")
    fresh.write("c", "fresh")
    stale.close()
    assert contents(fresh) == {"c": ("fresh",)}


def test_what_a_dead_process_left_is_wiped_and_what_a_living_one_holds_is_not(root: Path) -> None:
    code = (
        "import sys, pathlib; from a2a_tasks.adapters.workspace.folder import FolderWorkspaces\n"
        f"w = FolderWorkspaces(pathlib.Path(sys.argv[1])).open('{ONE}', None); w.write('a', 'x')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"ready\n"
        left = FolderWorkspaces(root).open(TWO, None)
        left.write("mine", "x")
        (root / "stray").write_text("x")

        FolderWorkspaces(root).wipe_all()
        assert sorted(path.name for path in root.rglob("*") if path.is_dir()) == sorted([str(other.pid), ONE])
        assert not (root / "stray").exists()
        other.kill()
    FolderWorkspaces(root).wipe_all()
    assert everything(root) == {}


def test_wiping_before_anything_was_there(root: Path) -> None:
    FolderWorkspaces(root).wipe_all()
    workspace = FolderWorkspaces(root).open(ONE, None)
    assert workspace.write("a", "x")
    assert workspace.glob("*") == ["a"]


def test_a_root_that_leads_elsewhere_is_not_used(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "keep").write_text("x")
    root.symlink_to(elsewhere)
    with pytest.raises(PermissionError):
        FolderWorkspaces(root).open(ONE, None)
    FolderWorkspaces(root).wipe_all()
    assert everything(elsewhere) == {"keep": b"x"}
    FolderWorkspaces(root).open(ONE, None)


@pytest.mark.parametrize(
    "task_id", ["", ".", "..", "../x", "a/b", "\0", ONE.upper().replace("0190F", "0190F/")]
)
def test_only_a_task_id_names_a_workspace(workspaces: FolderWorkspaces, task_id: str) -> None:
    with pytest.raises(ValueError, match="not a task's id"):
        workspaces.open(task_id, None)


def test_a_full_disk_is_told_and_the_file_stays_as_it_was(
    workspaces: FolderWorkspaces, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspaces.open(ONE, None)
    workspace.write("a", "old")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(WorkspaceRefused, match="No space left on device"):
            workspace.write("a", "new")
    assert contents(workspace) == {"a": ("old",)}
    assert len([path for path in root.rglob("*") if path.is_file()]) == 1


# Snapshots


def test_the_same_files_give_the_same_snapshot_whatever_their_history(workspaces: FolderWorkspaces) -> None:
    one, two = workspaces.open(ONE, None), workspaces.open(TWO, None)
    one.write("a", "1")
    one.write("字/b", "2")
    two.write("字/b", "0")
    two.edit("字/b", "0", "2", False)
    two.write("a", "1")
    assert one.snapshot() == two.snapshot()


def test_a_restored_workspace_goes_on_like_the_one_that_was_saved(workspaces: FolderWorkspaces) -> None:
    saved = workspaces.open(ONE, None)
    saved.write("deep/" * 15 + "f", "x")
    saved.write("p" * PATH_BYTES, "y")
    saved.write("空", "\r\n\u2028")
    before, snapshot = contents(saved), saved.snapshot()
    saved.write("空", "changed after the checkpoint")

    restored = workspaces.open(ONE, snapshot)
    assert contents(restored) == before
    restored.edit("空", "\r\n", "", False)
    restored.write("new", "z")
    assert len(restored.glob("**")) == 4


def test_a_full_workspace_survives(workspaces: FolderWorkspaces) -> None:
    full = workspaces.open(ONE, None)
    noise = random.Random(1)  # noqa: S311
    size = TOTAL_BYTES // FILES
    for number in range(FILES):
        full.write(f"{number:03}{'字' * 150}", noise.randbytes(size // 2).hex())
    snapshot = full.snapshot()
    assert workspaces.open(TWO, snapshot).snapshot() == snapshot


def test_an_empty_workspace_survives(workspaces: FolderWorkspaces) -> None:
    snapshot = workspaces.open(ONE, None).snapshot()
    assert workspaces.open(TWO, snapshot).snapshot() == snapshot


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in more.items():
        setattr(info, key, value)
    return info, b""


def nested_headers() -> bytes:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    header.size = 0
    return gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) * 5_000)


def size_that_lies() -> bytes:
    header, _ = member("x", size=10**9)
    return gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1_024))


SPARSE = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)}
# made when their tests run: some are large
HOSTILE: dict[str, Callable[[], bytes]] = {
    "parent": lambda: archive(member("../x")),
    "inner parent": lambda: archive(member("a/../../x")),
    "absolute": lambda: archive(member("/tmp/x")),
    "absolute, but ours": lambda: archive(member("/workspace/x")),
    "not canonical": lambda: archive(member("./x")),
    "symlink": lambda: archive(member("x", tarfile.SYMTYPE, linkname="/etc/passwd")),
    "hard link": lambda: archive(member("a"), member("x", tarfile.LNKTYPE, linkname="a")),
    "folder": lambda: archive(member("x", tarfile.DIRTYPE)),
    "device": lambda: archive(member("x", tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "pipe": lambda: archive(member("x", tarfile.FIFOTYPE)),
    "sparse": lambda: archive(
        member("x", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)})
    ),
    "twice": lambda: archive(member("x"), member("x")),
    "file and folder": lambda: archive(member("x"), member("x/y")),
    "control character": lambda: archive(member("a\nb")),
    "empty name": lambda: archive(member("")),
    "deep": lambda: archive(member("a/" * 16 + "b")),
    "long name": lambda: archive(member("x" * (PATH_BYTES + 1))),
    "large file": lambda: archive((tarfile.TarInfo("x"), bytes(FILE_BYTES + 1))),
    "many files": lambda: archive(*(member(f"f{n}") for n in range(FILES + 1))),
    "many bytes": lambda: archive(*((tarfile.TarInfo(f"f{n}"), bytes(FILE_BYTES)) for n in range(11))),
    "bomb": lambda: gzip.compress(bytes(200 * 1024 * 1024), 1),
    "large header": lambda: archive(member("x", pax_headers={"comment": "y" * 20_000_000})),
    "nested headers": nested_headers,
    "size that lies": lambda: gzip.compress(
        member("x", size=10**9)[0].tobuf(tarfile.USTAR_FORMAT) + bytes(1_024)
    ),
    "negative size": lambda: archive(member("x", pax_headers={"size": "-5"})),
    "something after it": lambda: archive(member("x")) + archive(member("y")),
    "second archive": lambda: gzip.compress(gzip.decompress(archive(member("x"))) * 2),
    "damaged header": lambda: gzip.compress(
        gzip.decompress(archive(member("x"), member("y"))).replace(b"y", b"z", 1)
    ),
    "empty": lambda: b"",
    "no gzip": lambda: b"x" * 1_000,
    "no tar": lambda: gzip.compress(b"x" * 10_240),
    "half": lambda: archive((tarfile.TarInfo("x"), os.urandom(10_000)))[:5_000],
    "wrong checksum": lambda: archive(member("x"))[:-8] + bytes(8),
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_a_snapshot_with_anything_but_valid_files_is_refused_whole(
    workspaces: FolderWorkspaces, tmp_path: Path, made: Callable[[], bytes]
) -> None:
    snapshot = made()

    with pytest.raises(WorkspaceRefused):
        workspaces.open(ONE, snapshot)
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]


@st.composite
def nearly_archives(draw: st.DrawFn) -> bytes:
    """An archive of files of any names, of which a byte may be another one."""
    names = draw(st.lists(st.text("ab./\0", min_size=1, max_size=8), max_size=3))
    tar = bytearray(gzip.decompress(archive(*((tarfile.TarInfo(name), b"x") for name in names))))
    if draw(st.booleans()):
        tar[draw(st.integers(0, len(tar) - 1))] = draw(st.integers(0, 255))
    return gzip.compress(bytes(tar))


@given(st.binary(max_size=200) | st.binary(max_size=600).map(gzip.compress) | nearly_archives())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_any_bytes_are_restored_or_refused(workspaces: FolderWorkspaces, snapshot: bytes) -> None:
    with suppress(WorkspaceRefused):
        restored = workspaces.open(ONE, snapshot)
        assert workspaces.open(TWO, restored.snapshot()).glob("**") == restored.glob("**")


def test_an_archive_of_files_is_restored(workspaces: FolderWorkspaces) -> None:
    """Else the property above would be about refusals alone."""
    restored = workspaces.open(ONE, archive((tarfile.TarInfo("a/b"), b"x"), (tarfile.TarInfo("c"), b"y")))
    assert sorted(restored.glob("**")) == ["a/b", "c"]


# Time, of the processor, so that it does not matter what else the machine does


class Ticker:
    """How much this process works, at the longest, before another of its threads gets its turn."""

    def __enter__(self) -> "Ticker":
        self.longest = 0.0
        self._end = False
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()
        return self

    def _tick(self) -> None:
        last = time.process_time()
        while not self._end:
            time.sleep(0.005)
            now = time.process_time()
            self.longest = max(self.longest, now - last)
            last = now

    def __exit__(self, *_: object) -> None:
        self._end = True
        self._thread.join()


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)(.*)(.*)(.*)x", "[ab]*a[ab]{900}c"])
def test_no_pattern_hangs_or_holds_up_the_other_tasks(root: Path, pattern: str) -> None:
    workspace = FolderWorkspaces(root, grep_seconds=1).open(ONE, None)
    text = "".join(random.Random(1).choices("ab", k=FILE_BYTES))  # noqa: S311
    for number in range(10):
        workspace.write(f"f{number}", text)

    started = time.process_time()
    with Ticker() as others:
        workspace.grep(Search(pattern))
    assert time.process_time() - started < 20  # 1 s and one line of 1 MiB, 3 s; generous, for a slow machine
    assert others.longest < 1


def test_a_grep_out_of_time_says_so_and_keeps_what_it_found(root: Path) -> None:
    workspace = FolderWorkspaces(root, grep_seconds=0.2).open(ONE, None)
    workspace.write("a", "needle")
    for number in range(9):
        workspace.write(f"b{number}", "\n" * FILE_BYTES)
    answer = run(workspace, "Grep", {"pattern": "needle"})
    assert answer.text.startswith("a\n(Not everything was searched: it took longer than 0.2 seconds.")


def test_no_glob_hangs(workspaces: FolderWorkspaces) -> None:
    workspace = workspaces.open(ONE, None)
    for number in range(100):
        workspace.write(f"{number:03}" + "/a" * 15 + "a" * 400, "")
    started = time.process_time()
    assert workspace.glob("*a*a*a*a*a*a*a*a*a*a*b") == []
    assert workspace.glob("**/a/**/a/**/a/**/a/**/a/**/b") == []
    assert time.process_time() - started < 5


def test_binary_files_are_left_alone(workspaces: FolderWorkspaces) -> None:
    snapshot = archive(
        (tarfile.TarInfo("image.png"), b"\x89PNG\0"), (tarfile.TarInfo("latin"), b"caf\xe9 x\n")
    )
    workspace = workspaces.open(ONE, snapshot)
    for name in ("image.png", "latin"):
        with pytest.raises(WorkspaceRefused, match="binary file"):
            workspace.read(name, 1, 1)
        with pytest.raises(WorkspaceRefused, match="binary file"):
            workspace.edit(name, "x", "y", False)
    assert run(workspace, "Grep", {"pattern": "x$", "output_mode": "content"}).text == (
        "latin:1:caf x\n(Not searched: binary files, 1 of them.)"
    )


def test_calls_from_several_threads_do_not_lose_each_others_work(workspaces: FolderWorkspaces) -> None:
    workspace = workspaces.open(ONE, None)
    workspace.write("log", "")

    def append(worker: int) -> None:
        for number in range(20):
            workspace.write(f"{worker}/{number}", "x")
            workspace.write("log", "")

    threads = [threading.Thread(target=append, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workspace.glob("**")) == 161


# Anything at all

PARTS = st.sampled_from(
    [
        "a",
        "b",
        "..",
        ".",
        "",
        "~",
        "A",
        "字",
        "é",
        "e\u0301",
        "\0",
        "\n",
        "\ud800",
        "*",
        "\\",
        "\u202e",
        "x" * 300,
    ]
)
PATHS = (
    st.lists(PARTS, max_size=6).map("/".join)
    | st.sampled_from(
        ["/etc/passwd", "/workspace", "/workspace/a", "/workspace/../b", "//a", "../" * 9 + "tmp/x"]
    )
    | st.text(max_size=20)
)
TEXTS = st.text(max_size=40) | st.sampled_from(["a", "a\nb\n", "\r\n", "", "b" * 10_000])
ODD = st.none() | st.integers() | st.booleans() | st.floats() | st.lists(st.text(max_size=3), max_size=2)
PATTERNS = PATHS | st.sampled_from(["**", "(a*)*b", "[", "a{1000}{1000}", "(?i)A", ".", "^$", "{a,b}" * 4])


def call(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    sane = st.fixed_dictionaries(fields)
    odd = st.dictionaries(st.sampled_from([*fields, "other"]), ODD | TEXTS, max_size=3)
    return st.tuples(st.just(name), sane | sane.flatmap(lambda one: odd.map(lambda two: one | two)))


CALLS = st.one_of(
    call("Write", file_path=PATHS, content=TEXTS),
    call("Write", file_path=PATHS, content=TEXTS),
    call("Edit", file_path=PATHS, old_string=TEXTS, new_string=TEXTS, replace_all=st.booleans()),
    call("Read", file_path=PATHS),
    call("Glob", pattern=PATTERNS, path=PATHS),
    call("Grep", pattern=PATTERNS, path=PATHS, glob=PATTERNS, output_mode=st.just("content")),
)


@pytest.fixture
def fence(tmp_path: Path) -> Path:
    """Files around the workspaces, where an escape would end."""
    (tmp_path / "a").write_text("outside")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("outside")
    return tmp_path


@given(st.lists(CALLS, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
def test_whatever_the_tools_are_asked_nothing_outside_changes_and_a_snapshot_is_faithful(
    fence: Path, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    workspaces = FolderWorkspaces(fence / "workspaces")
    beside = workspaces.open(TWO, None)
    beside.write("a", "beside")
    workspace = workspaces.open(ONE, None)
    own = f"workspaces/{os.getpid()}/{ONE}"

    def outside() -> dict[str, bytes | None]:
        return {path: data for path, data in everything(fence).items() if not path.startswith(own)}

    before = outside()
    for name, arguments in calls:
        answer = run(workspace, name, arguments)
        answer.text.encode()
        assert "outside" not in answer.text.replace("is outside the workspace", "")
        assert "beside" not in answer.text
    assert outside() == before
    snapshot, tree = workspace.snapshot(), contents(workspace)

    restored = workspaces.open(ONE, snapshot)
    assert contents(restored) == tree
    assert restored.snapshot() == snapshot
    assert outside() == before
