"""Pages of which code writes a part: where the part stands, and how a page is written or checked."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def with_tables(text: str, tables: Mapping[str, str], command: str) -> str:
    """The page with each table between its two marks, of which the first names the command that writes it.

    Raises ``LookupError`` where a mark is missing.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}: written by `{command}` -->\n", f"<!-- {name}: end -->\n"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise LookupError(f"there is no place for the table {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def write_or_check(pages: Iterable[tuple[Path, str]], arguments: Sequence[str], command: str) -> int:
    """Write each page, or with ``--check`` name those that differ, and the command that writes them.

    The exit status: 1 if a page differs.
    """
    status = 0
    for path, text in pages:
        if list(arguments) != ["--check"]:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.stderr.write(f"{path} is out of date; run: {command}\n")
            status = 1
    return status
