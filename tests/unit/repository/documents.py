"""Reads what is written for people: the READMEs, the pages of docs/, and their blocks of code."""

import re
import shlex
from pathlib import Path

from local.documentation.docs_site import LINK
from local.tools import ROOT

README = ROOT / "README.md"
CHINESE_README = ROOT / "README.zh-CN.md"
DOCS = ROOT / "docs"
CHINESE_DOCS = DOCS / "zh-CN"
PAGES = tuple(sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]))
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_GENERATED = re.compile(r"^<!-- (\w+): written by .*?^<!-- \1: end -->$", re.M | re.S)
_COMMENT = re.compile(r"(?:^|\s+)#\s.*$", re.M)


def name_of(page: Path) -> str:
    """Its path in the repository: a test's id."""
    return page.relative_to(ROOT).as_posix()


def fenced(page: Path) -> list[tuple[str, str]]:
    """Language and code of each block."""
    return _FENCED.findall(page.read_text("utf-8"))


def uncommented(code: str) -> str:
    """Code without its comments, which are in the page's language, and without the space before them."""
    return "\n".join(line.rstrip() for line in _COMMENT.sub("", code).splitlines() if line.strip())


def prose(page: Path) -> str:
    """All but the blocks of code, and what is made from code, which is in English alone."""
    return _FENCED.sub("", _GENERATED.sub("", page.read_text("utf-8")))


def links(page: Path) -> set[Path]:
    """The files of this repository that a page links to, without their anchors."""
    return {(page.parent / target).resolve() for target in LINK.findall(prose(page))}


def shell_lines(page: Path) -> list[str]:
    """The commands of the shell's blocks, one a line."""
    return [
        line
        for language, code in fenced(page)
        if language == "sh"
        for line in uncommented(code).replace("\\\n", " ").splitlines()
    ]


def arguments_of(program: str, page: Path) -> list[list[str]]:
    """The arguments of every call of ``program``, up to what the shell redirects."""
    found = []
    for line in shell_lines(page):
        if f"{program} " in line:
            words = shlex.split(line.partition(f"{program} ")[2])
            found.append(words[: words.index("<")] if "<" in words else words)
    return found
