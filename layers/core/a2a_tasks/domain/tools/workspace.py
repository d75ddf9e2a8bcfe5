"""The workspace tools Read, Write, Edit, Glob and Grep as the model sees them, and the limits of a
workspace."""

from typing import Any

from a2a_tasks.domain.tools.schema import flag, number, text, tool

ROOT = "/workspace"
"""Directory in which the model believes its files to be."""

FILE_BYTES = 1024 * 1024
"""Largest file that can be written."""
READ_BYTES = 256 * 1024
"""Most text that one Read returns, including line numbers."""
READ_LINES = 2_000
"""Default number of lines that one Read returns."""
FILES = 500
TOTAL_BYTES = 10 * 1024 * 1024
PATH_BYTES = 512
DEPTH = 16
"""Most components of a path."""
PATTERN_CHARACTERS = 1_000
GREP_BYTES = 64 * 1024
"""Most text that one Grep returns."""
GREP_COLUMNS = 500
"""Most characters of a line that Grep returns."""
GREP_CONTEXT = 20
GREP_SECONDS = 5.0

_FOLDER = f"relative to the workspace, such as notes/plan.md ({ROOT}/notes/plan.md means the same)"
_GLOB = (
    "* matches within one name, ** any number of folders, ? one character, [abc] one of these, "
    "{a,b} one of these alternatives. A pattern without / matches file names in every folder below."
)

_READ = tool(
    "Read",
    "Reads a text file of the workspace. Answers with numbered lines in the style of `cat -n`: the line "
    "number, a tab, the line; the number and the tab are not part of the file. Returns at most "
    f"{READ_LINES:,} lines unless limit says otherwise, and at most {READ_BYTES // 1024} KiB; where it stops "
    "early it says so, and offset reads on. Binary files cannot be read. The workspace holds only what this "
    "task has written to it.",
    ["file_path"],
    {
        "file_path": text(f"The file to read, {_FOLDER}."),
        "offset": number("The first line to read, counted from 1.", 1, FILE_BYTES + 1),
        "limit": number(f"How many lines to read. Default {READ_LINES:,}.", 1, FILE_BYTES + 1),
    },
)

_WRITE = tool(
    "Write",
    "Writes a text file to the workspace, in UTF-8, and replaces the file that is there. Folders are created "
    "as needed. To change a part of a file use Edit. Limits: "
    f"{FILE_BYTES // 1024**2} MiB a file, {FILES} files, {TOTAL_BYTES // 1024**2} MiB in total, "
    f"{PATH_BYTES} bytes and {DEPTH} parts a path. There is no way to delete a file.",
    ["file_path", "content"],
    {
        "file_path": text(f"The file to write, {_FOLDER}."),
        "content": text("The whole content of the file."),
    },
)

_EDIT = tool(
    "Edit",
    "Replaces an exact string in a text file of the workspace. old_string must occur exactly once, unless "
    "replace_all is true; include enough of the lines around it to make it unique. It must match the file "
    "exactly, indentation and line ends included, and without the line numbers that Read adds.",
    ["file_path", "old_string", "new_string"],
    {
        "file_path": text(f"The file to change, {_FOLDER}."),
        "old_string": text("The text to replace."),
        "new_string": text("The text to put in its place; it must differ from old_string."),
        "replace_all": flag("Replace every occurrence of old_string. Default false."),
    },
)

_GLOB_TOOL = tool(
    "Glob",
    "Lists the files of the workspace whose path matches a pattern, sorted by path. Use the pattern ** to "
    f"list all of them. Folders are not listed. {_GLOB}",
    ["pattern"],
    {
        "pattern": text("The pattern, relative to path.", maxLength=PATH_BYTES),
        "path": text("The folder to search, relative to the workspace. Default: the whole workspace."),
    },
)

_GREP = tool(
    "Grep",
    "Searches the files of the workspace, line by line, for a regular expression in RE2 syntax, which has no "
    "look-around and no backreferences, and whose \\w, \\d and \\b know ASCII only (\\pL is any letter). "
    "Results are sorted by path. Answers with at most "
    f"{GREP_BYTES // 1024} KiB, shows at most {GREP_COLUMNS} characters of a line, and stops after "
    f"{GREP_SECONDS:g} seconds; where it stops early it says so. Binary files are not searched.",
    ["pattern"],
    {
        "pattern": text("The regular expression.", maxLength=PATTERN_CHARACTERS),
        "path": text(
            "The file or folder to search, relative to the workspace. Default: the whole workspace."
        ),
        "glob": text(f"Search only files whose path matches this. {_GLOB}", maxLength=PATH_BYTES),
        "output_mode": text(
            "files_with_matches: the paths (the default). content: the lines. count: matching lines a file.",
            enum=["files_with_matches", "content", "count"],
        ),
        "-i": flag("Ignore case. Default false."),
        "-n": flag("Show line numbers, with output_mode content. Default true."),
        "-A": number("Lines to show after each match, with output_mode content.", 0, GREP_CONTEXT),
        "-B": number("Lines to show before each match, with output_mode content.", 0, GREP_CONTEXT),
        "-C": number("Lines to show before and after each match.", 0, GREP_CONTEXT),
        "head_limit": number("Show only so many lines or paths.", 1, TOTAL_BYTES),
    },
)

DEFINITIONS: dict[str, dict[str, Any]] = {
    tool["name"]: tool for tool in (_READ, _WRITE, _EDIT, _GLOB_TOOL, _GREP)
}
"""Tool definitions of the Messages API, by name. Part of cached prompts: any change costs every task that
starts afterwards a cache miss."""
