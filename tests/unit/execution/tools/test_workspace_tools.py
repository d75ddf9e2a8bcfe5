"""Read, Write, Edit, Glob and Grep as the model meets them: what it is answered, and what it is told when it
asks for something that cannot be."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from a2a_tasks.adapters.workspace.folder import FolderWorkspace, FolderWorkspaces
from a2a_tasks.domain.tools.catalog import WORKSPACE_TOOLS, ToolAnswer
from a2a_tasks.domain.tools.workspace import DEFINITIONS, FILE_BYTES, FILES, GREP_BYTES, READ_BYTES
from a2a_tasks.execution.tools.workspace import run

TASK = "0190f3a1-0000-7000-8000-000000000001"

type Tool = Callable[..., ToolAnswer]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[FolderWorkspace]:
    opened = FolderWorkspaces(tmp_path / "workspaces").open(TASK, None)
    yield opened
    opened.close()


@pytest.fixture
def tool(workspace: FolderWorkspace) -> Tool:
    return lambda tool_name, **given: run(workspace, tool_name, given)


def told(answer: ToolAnswer) -> str:
    assert not answer.is_error, answer.text
    return answer.text


def refused(answer: ToolAnswer) -> str:
    assert answer.is_error, answer.text
    return answer.text


def files(tool: Tool, **contents: str) -> None:
    for path, content in contents.items():
        told(tool("Write", file_path=path, content=content))


def test_every_workspace_tool_has_a_valid_definition() -> None:
    assert set(DEFINITIONS) == WORKSPACE_TOOLS
    for name, definition in DEFINITIONS.items():
        assert definition["name"] == name
        Draft202012Validator.check_schema(definition["input_schema"])


def test_what_is_written_can_be_read_with_line_numbers(tool: Tool) -> None:
    assert told(tool("Write", file_path="notes/报告.md", content="one\n二\n")) == (
        "Created notes/报告.md: 8 bytes."
    )
    assert told(tool("Read", file_path="notes/报告.md")) == "     1\tone\n     2\t二"
    assert told(tool("Write", file_path="notes/报告.md", content="")) == "Replaced notes/报告.md: 0 bytes."
    assert told(tool("Read", file_path="notes/报告.md")) == "(The file is empty.)"


@pytest.mark.parametrize("path", ["a/b.txt", "./a/b.txt", "/workspace/a/b.txt", "a//./b.txt"])
def test_one_file_under_every_way_to_write_its_path(tool: Tool, path: str) -> None:
    files(tool, **{"a/b.txt": "here"})
    assert told(tool("Read", file_path=path)) == "     1\there"


def test_read_says_where_to_go_on(tool: Tool) -> None:
    files(tool, a="\n".join(f"line {n}" for n in range(1, 3_001)))
    assert told(tool("Read", file_path="a", offset=2, limit=2)) == (
        "     2\tline 2\n     3\tline 3\n(Lines 2 to 3 of 3000. Read on with offset 4.)"
    )
    whole = told(tool("Read", file_path="a"))
    assert whole.endswith("  2000\tline 2000\n(Lines 1 to 2000 of 3000. Read on with offset 2001.)")
    assert told(tool("Read", file_path="a", offset=3_000, limit=9)) == "  3000\tline 3000"
    assert "has 3,000 lines" in refused(tool("Read", file_path="a", offset=3_001))


@pytest.mark.parametrize("line", ["", "x" * 100, "字" * 5_000])
def test_reading_on_shows_every_line_once_in_answers_of_bounded_size(tool: Tool, line: str) -> None:
    count = FILE_BYTES // (len(line.encode()) + 1)
    files(tool, a=f"{line}\n" * count)
    offset, seen = 1, 0
    while offset <= count:
        answer = told(tool("Read", file_path="a", offset=offset, limit=FILE_BYTES))
        assert len(answer.encode()) <= READ_BYTES + 100
        shown = [text for text in answer.split("\n") if "\t" in text]
        assert shown[0] == f"{offset:>6}\t{line}"
        seen += len(shown)
        offset += len(shown)
    assert seen == count


def test_a_line_too_long_to_be_shown_is_cut_and_the_next_ones_can_be_read(tool: Tool) -> None:
    files(tool, a="字" * 100_000 + "\nshort")
    answer = told(tool("Read", file_path="a"))
    assert "(Line 1 is cut" in answer
    assert answer.endswith("(Lines 1 to 1 of 2. Read on with offset 2.)")
    assert told(tool("Read", file_path="a", offset=2)) == "     2\tshort"


def test_edit_replaces_what_is_unique(tool: Tool) -> None:
    files(tool, a="x = 1\ny = 1\n")
    assert told(tool("Edit", file_path="a", old_string="x = 1", new_string="x = 2")) == (
        "Changed a: 1 occurrence replaced."
    )
    assert "occurs 2 times" in refused(tool("Edit", file_path="a", old_string=" = ", new_string=": "))
    assert told(tool("Edit", file_path="a", old_string=" = ", new_string=": ", replace_all=True)) == (
        "Changed a: 2 occurrences replaced."
    )
    assert told(tool("Read", file_path="a")) == "     1\tx: 2\n     2\ty: 1"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("missing", "x", "does not occur"),
        ("", "x", "old_string is empty"),
        ("one", "one", "nothing to change"),
        ("one\ntwo", "x", r"lines end with \r\n"),
        ("one", "\0", "NUL"),
    ],
)
def test_an_edit_that_cannot_be_made_changes_nothing(tool: Tool, old: str, new: str, problem: str) -> None:
    files(tool, a="one\r\ntwo\r\n")
    assert problem in refused(tool("Edit", file_path="a", old_string=old, new_string=new))
    assert told(tool("Read", file_path="a")) == "     1\tone\n     2\ttwo"


def test_an_edit_cannot_blow_a_file_up(tool: Tool) -> None:
    files(tool, a="a" * FILE_BYTES)
    answer = tool("Edit", file_path="a", old_string="a", new_string="b" * FILE_BYTES, replace_all=True)
    assert "1,099,511,627,776 bytes; the limit is 1,048,576" in refused(answer)


def test_glob_lists_by_path(tool: Tool) -> None:
    files(tool, **dict.fromkeys(["b.py", "src/z.ts", "src/a.py", "src/deep/c.py", ".env", "src/[x].md"], ""))
    assert told(tool("Glob", pattern="**")).split("\n") == [
        ".env", "b.py", "src/[x].md", "src/a.py", "src/deep/c.py", "src/z.ts"
    ]  # fmt: skip
    for pattern, found in {
        "*.py": "b.py src/a.py src/deep/c.py",
        "**/*.py": "b.py src/a.py src/deep/c.py",
        "./*.py": "b.py",
        "src/*.py": "src/a.py",
        "/workspace/src/**/*.py": "src/a.py src/deep/c.py",
        "*.{ts,md}": "src/[x].md src/z.ts",
        "{src,lib}/{a,z}.{py,ts}": "src/a.py src/z.ts",
        "?.py": "b.py src/a.py src/deep/c.py",
        "[!b].py": "src/a.py src/deep/c.py",
        "[[]x].md": "src/[x].md",
    }.items():
        assert told(tool("Glob", pattern=pattern)).split() == found.split(), pattern
    assert told(tool("Glob", pattern="*.py", path="src/deep")) == "src/deep/c.py"
    assert told(tool("Glob", pattern="a.py", path="/workspace/src/")) == "src/a.py"
    assert told(tool("Glob", pattern="*.rs")) == "No files match."


def test_grep_in_its_three_modes(tool: Tool) -> None:
    files(tool, **{"a.py": "import os\nx\nIMPORT re\n", "lib/b.md": "import c\r\n", "c.txt": "nothing"})
    assert told(tool("Grep", pattern="^import")) == "a.py\nlib/b.md"
    assert told(tool("Grep", pattern="^import", output_mode="count", **{"-i": True})) == "a.py:2\nlib/b.md:1"
    assert told(tool("Grep", pattern="port c$", output_mode="content")) == "lib/b.md:1:import c"
    assert told(tool("Grep", pattern="import", output_mode="content", glob="*.py", **{"-n": False})) == (
        "a.py:import os"
    )
    assert told(tool("Grep", pattern="import", path="lib")) == "lib/b.md"
    assert told(tool("Grep", pattern="import", path="a.py")) == "a.py"
    assert told(tool("Grep", pattern="absent")) == "No matches."


def test_grep_shows_context_once(tool: Tool) -> None:
    files(tool, a="1\n2\nhit\n4\nhit\n6\n7\n8\n")
    assert told(tool("Grep", pattern="hit", output_mode="content", **{"-C": 1})).split("\n") == [
        "a-2-2", "a:3:hit", "a-4-4", "a:5:hit", "a-6-6"
    ]  # fmt: skip
    assert told(tool("Grep", pattern="hit", output_mode="content", **{"-A": 2, "-B": 0})).split("\n") == [
        "a:3:hit", "a-4-4", "a:5:hit", "a-6-6", "a-7-7"
    ]  # fmt: skip


def test_grep_shows_the_matching_part_of_a_long_line(tool: Tool) -> None:
    files(tool, **{"min.json": "字" * 100_000 + "needle" + "x" * 100_000})
    answer = told(tool("Grep", pattern="needle", output_mode="content"))
    assert "needle" in answer
    assert len(answer) < 600


def test_grep_says_what_it_leaves_out(tool: Tool) -> None:
    files(tool, a="x\n" * 50_000, b="x\n")
    cut = told(tool("Grep", pattern="x", output_mode="content"))
    assert len(cut.encode()) < GREP_BYTES + 200
    assert "(Not everything was searched: the answer is longer than 64 KiB." in cut
    assert told(tool("Grep", pattern="x", head_limit=1)) == (
        "a\n(There is more; this is what head_limit 1 allows.)"
    )
    assert told(tool("Grep", pattern="x", head_limit=2, output_mode="count")) == "a:50000\nb:1"


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("Read", {"file_path": "../x"}, "'..' is not allowed"),
        ("Read", {"file_path": "a/../../x"}, "'..' is not allowed"),
        ("Read", {"file_path": "/etc/passwd"}, "outside the workspace"),
        ("Read", {"file_path": "/workspace2/x"}, "outside the workspace"),
        ("Read", {"file_path": "/workspace/../etc/passwd"}, "'..' is not allowed"),
        ("Read", {"file_path": "a\0b"}, "control character"),
        ("Read", {"file_path": "a\u2028b"}, "line break"),
        ("Read", {"file_path": "a\ud800b"}, "surrogate"),
        ("Read", {"file_path": "字" * 171}, "longer than 512 bytes"),
        ("Read", {"file_path": "x" * 1_000_000}, "longer than 512 bytes"),
        ("Write", {"file_path": "a/" * 16 + "b", "content": ""}, "more than 16 parts"),
        ("Read", {"file_path": "absent"}, "There is no file absent. Use Glob"),
        ("Read", {"file_path": ""}, "is a folder"),
        ("Read", {"file_path": "folder"}, "is a folder"),
        ("Write", {"file_path": "folder", "content": ""}, "is a folder"),
        ("Write", {"file_path": "/workspace", "content": ""}, "is a folder"),
        ("Write", {"file_path": "folder/file/x", "content": ""}, "folder/file is a file"),
        ("Write", {"file_path": "x", "content": "a" * (FILE_BYTES + 1)}, "the limit is 1,048,576"),
        ("Write", {"file_path": "x", "content": "a\0"}, "NUL"),
        ("Write", {"file_path": "x", "content": "\udfff"}, "content holds half of a surrogate pair"),
        ("Glob", {"pattern": "../*"}, "no '..'"),
        ("Glob", {"pattern": "/etc/*"}, "no leading /"),
        ("Glob", {"pattern": "**", "path": "nowhere"}, "There is no folder nowhere"),
        ("Glob", {"pattern": "**", "path": "folder/file"}, "Name a folder"),
        ("Glob", {"pattern": "[z-a]"}, "not valid"),
        ("Glob", {"pattern": "{a,b}" * 20}, "more than 64"),
        ("Glob", {"pattern": "{" * 400}, None),
        ("Glob", {"pattern": "*a" * 256}, "too complex"),
        ("Grep", {"pattern": "(?=x)"}, "not valid: invalid perl operator"),
        ("Grep", {"pattern": "("}, "not valid: missing )"),
        ("Grep", {"pattern": "(a)\\1"}, "not valid"),
        ("Grep", {"pattern": "((a{30}){30}){30}"}, "not valid"),
        ("Grep", {"pattern": "\\pL{900}"}, "not valid: pattern too large"),
        ("Grep", {"pattern": "\\w{500}x{800}"}, "too complex"),
        ("Grep", {"pattern": "x" * 1_001}, "at most 1,000 characters"),
        ("Grep", {"pattern": "x", "path": "nowhere"}, "There is no folder"),
        ("Grep", {"pattern": "x", "-C": 21}, "-C must be between 0 and 20"),
        ("Grep", {"pattern": "x", "head_limit": 10**5_000}, "head_limit must be between 1 and"),
        ("Grep", {"pattern": "x", "output_mode": "json"}, "output_mode must be one of files_with_matches"),
        ("Grep", {"pattern": "x", "multiline": True}, "no parameter 'multiline'; the parameters are pattern"),
        ("Read", {"file_path": "folder/file", "\ud800": 1}, "no parameter '\\ud800'"),
        ("Read", {"file_path": "folder/file", "offset": 0}, "offset must be between 1"),
        ("Read", {"file_path": "folder/file", "offset": True}, "offset must be a whole number"),
        ("Read", {"file_path": "folder/file", "limit": "5"}, "limit must be a whole number"),
        ("Read", {"file_path": ["folder/file"]}, "file_path must be a string"),
        ("Read", {"file_path": None}, "file_path is missing"),
        ("Edit", {"file_path": "folder/file", "old_string": "x"}, "new_string is missing"),
        ("Edit", {"file_path": "f", "old_string": "x", "new_string": "y", "replace_all": 1}, "true or false"),
        ("Read", [], "file_path is missing; the input is an object"),
        ("Read", None, "file_path is missing"),
        ("Read", "x", "file_path is missing"),
        ("Bash", {"command": "id"}, "There is no tool 'Bash'"),
        ("\ud800" * 10_000, {}, "There is no tool"),
    ],
)
def test_whatever_a_model_sends_is_answered(
    workspace: FolderWorkspace, name: str, given: Any, problem: str | None
) -> None:
    run(workspace, "Write", {"file_path": "folder/file", "content": "here"})
    answer = run(workspace, name, given)
    answer.text.encode()
    assert len(answer.text) < 1_000
    assert answer.is_error == (problem is not None)
    assert (problem or "No files match.") in answer.text


def test_null_is_a_parameter_left_out(tool: Tool) -> None:
    files(tool, a="x")
    assert told(tool("Grep", pattern="x", path=None, head_limit=None)) == "a"


def test_names_are_taken_as_they_are(tool: Tool) -> None:
    names = [
        "A",
        "a",
        "\u00e9",
        "e\u0301",
        "\u2024\u2024",
        "~",
        "a\\..\\b",
        "con",
        " ",
        "%2e%2e",
        "$HOME",
        "-n",
    ]
    for name in names:
        told(tool("Write", file_path=name, content=name))
    assert told(tool("Glob", pattern="**")).split("\n") == sorted(names)
    for name in names:
        assert told(tool("Read", file_path=name)) == f"     1\t{name}"


def test_a_full_workspace_says_so_and_replacing_still_works(tool: Tool) -> None:
    for number in range(FILES):
        told(tool("Write", file_path=f"f{number}", content=""))
    assert "it has 500 files" in refused(tool("Write", file_path="another", content=""))
    for number in range(10):
        told(tool("Write", file_path=f"f{number}", content="a" * FILE_BYTES))
    assert "the limit is 10,485,760" in refused(tool("Write", file_path="f10", content="a"))
    told(tool("Write", file_path="f9", content=""))
    told(tool("Write", file_path="f10", content="a" * FILE_BYTES))
