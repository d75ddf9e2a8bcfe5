"""The two READMEs say the same, and what they tell to type exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from a2a_tasks.wecom.connection_definition import parse_connection
from a2actl import main
from tests.smoke.checks import CHECKS

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text("utf-8")
FIRST_DEPLOYMENT = (ROOT / "docs" / "first-deployment.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text("utf-8")
ONLY_CHINESE = {"接入步骤", "出错时"}
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_COMMENT = re.compile(r"(?:^|\s+)#\s.*$", re.M)
_HEADING = re.compile(r"^(#+) (.+)$", re.M)


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and code of each block, without comments and their alignment."""
    return [
        (language, "\n".join(line.rstrip() for line in _COMMENT.sub("", code).splitlines() if line.strip()))
        for language, code in _FENCED.findall(text)
    ]


def prose(text: str) -> str:
    return _FENCED.sub("", text)


def commands(text: str) -> list[list[str]]:
    """The arguments of every ``a2actl`` in the shell's blocks."""
    found = []
    for language, code in blocks(text):
        if language != "sh":
            continue
        for line in code.replace("\\\n", " ").splitlines():
            if "a2actl" not in line:
                continue
            words = shlex.split(line.partition("a2actl")[2])
            found.append(words[: words.index("<")] if "<" in words else words)
    return found


def test_both_have_the_same_code() -> None:
    assert blocks(CHINESE) == blocks(ENGLISH)


def test_both_have_the_same_headings_and_link_to_each_other() -> None:
    levels = [len(marks) for marks, _ in _HEADING.findall(prose(ENGLISH))]
    assert [
        len(marks) for marks, title in _HEADING.findall(prose(CHINESE)) if title not in ONLY_CHINESE
    ] == levels
    assert "](README.zh-CN.md)" in ENGLISH
    assert "](README.md)" in CHINESE


@pytest.mark.parametrize(
    "pattern", [r"`([A-Z]{3,}_[A-Z_]+)`", r"`((?:GET|POST|DELETE) /[^`]*)`", r"\]\(([^)]*)\)"]
)
def test_both_name_the_same_codes_routes_and_links(pattern: str) -> None:
    in_english, in_chinese = (set(re.findall(pattern, text)) for text in (ENGLISH, CHINESE))
    assert in_chinese - {"README.md"} == in_english - {"README.zh-CN.md"}


def test_both_have_tables_of_the_same_length() -> None:
    def rows(text: str) -> list[int]:
        return [len(table.splitlines()) for table in re.findall(r"(?:^\|.*\n)+", text, re.M)]

    before, _, rest = CHINESE.partition("#### 出错时")
    only_chinese, _, after = rest.partition("\n## ")
    assert len(rows(only_chinese)) == 1
    assert rows(before + after) == rows(ENGLISH)


def test_the_example_of_a_connection_is_one() -> None:
    [example] = [code for language, code in blocks(ENGLISH) if language == "yaml"]
    definition = parse_connection(yaml.safe_load(example))
    assert (definition.id, definition.fallback, definition.allowed_users) == ("helper", "desk", ["LiLei"])


@pytest.mark.parametrize("words", commands(ENGLISH) + commands(FIRST_DEPLOYMENT), ids=" ".join)
def test_every_command_exists_with_its_options(words: list[str]) -> None:
    command: Any = typer.main.get_command(main.app)
    for word in words:
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        if word.startswith("--"):
            assert word in options
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
    assert not hasattr(command, "commands"), "a group alone does nothing"


def test_what_is_told_to_make_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.M))
    variables = set(re.findall(r"\$\((?:if \$\()?([A-Z]+)\)", makefile))
    for text in (ENGLISH, FIRST_DEPLOYMENT):
        for _, code in blocks(text):
            for line in re.findall(r"^make (.+)$", code, re.M):
                words = shlex.split(line)
                assert {word for word in words if "=" not in word} <= targets, line
                assert {word.partition("=")[0] for word in words if "=" in word} <= variables, line


def test_the_first_deployment_tells_of_every_check_of_the_smoke_test() -> None:
    told = {
        name.strip()
        for cell in re.findall(r"^\| ([^|]+) \|", FIRST_DEPLOYMENT, re.M)
        for name in cell.split(",")
    }
    assert {check.name for check in CHECKS if not check.is_long} <= told
    named = set(re.findall(r'--only "([^"]+)"', FIRST_DEPLOYMENT))
    assert named <= {check.name for check in CHECKS}
    assert named
