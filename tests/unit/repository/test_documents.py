"""What the documentation tells to type, send and expect exists."""

import ast
import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from a2a_tasks.domain.errors import ErrorCode, FailureCode
from a2a_tasks.wecom.connection_definition import parse_connection
from a2actl import main
from local.documentation.docs_site import OPENAPI_PAGE
from local.tools import ROOT
from tests.smoke.checks import CHECKS
from tests.unit.repository.documents import (
    CHINESE_DOCS,
    DOCS,
    PAGES,
    README,
    arguments_of,
    fenced,
    links,
    name_of,
    prose,
    shell_lines,
)

OPENAPI: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text("utf-8"))
NOT_IN_OPENAPI = {"GET /console", "GET /docs"}
ONLY_OVER_A2A = {ErrorCode.CONTENT_TYPE_NOT_SUPPORTED}
OF_THE_GATEWAY = {ErrorCode.FORBIDDEN}
OF_AN_EXCHANGE = {ErrorCode.TASK_CANCELED}
"""Told of where the text explains ``POST …/messages``."""
SHELL = {"$API": "", "$AGENT": "{agentId}", "$TASK": "{taskId}"}
_CURL = re.compile(
    r"""^curl\ (?P<words>(?:[^\n'"\\#]|'[^']*'|"[^"]*"|\\\n)*)(?P<rest>(?:.*\n)(?:\#.*\n)*)""", re.M | re.X
)
_ANSWER = re.compile(r"(?:(?P<status>\d{3}) )?(?P<body>\{.*\})")

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@every_page
def test_every_file_that_is_linked_to_exists(page: Path) -> None:
    assert [name for name in links(page) if not name.is_file()] == []


@every_page
def test_every_command_exists_with_its_options(page: Path) -> None:
    for words in arguments_of("a2actl", page):
        _check_command(words)


@every_page
def test_what_is_told_to_make_is_a_target(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.M))
    variables = set(re.findall(r"\$\((?:if \$\(|or \$\()?([A-Z]+)\)", makefile))
    in_prose = re.findall(r"`make ([a-z][^`]*)`", prose(page))
    for line in [
        *in_prose,
        *(line.removeprefix("make ") for line in shell_lines(page) if line[:5] == "make "),
    ]:
        words = shlex.split(line)
        assert {word for word in words if "=" not in word} <= targets, line
        assert {word.partition("=")[0] for word in words if "=" in word} <= variables, line


@every_page
def test_modules_that_are_told_to_run_exist(page: Path) -> None:
    for words in arguments_of("python -m", page):
        assert importlib.util.find_spec(words[0]), words


@every_page
def test_every_request_is_one_that_the_api_takes_and_every_answer_one_that_it_gives(page: Path) -> None:
    for curl in _CURL.finditer(_shell(page)):
        operation, body = _request(shlex.split(curl["words"].replace("\\\n", " ")))
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            Draft202012Validator(schema | {"components": OPENAPI["components"]}).validate(body)
        if answer := _answer(curl["rest"]):
            status, value = answer
            assert list(_unknown(value, _schema_of_answer(operation, status))) == [], curl["rest"]


@every_page
def test_examples_in_python_are_python(page: Path) -> None:
    for language, code in fenced(page):
        if language == "python":
            compile(code, name_of(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@every_page
def test_parameters_that_are_set_are_the_templates(page: Path) -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")
    for name in re.findall(r"`([A-Z][a-z][A-Za-z]+)=", page.read_text("utf-8")):
        assert re.search(rf"^  {name}:\n    Type:", template, re.M), name


def test_the_pages_have_examples_of_everything() -> None:
    """Else the tests above would pass on pages whose blocks they do not find."""
    pages = [README, *DOCS.glob("*.md")]
    curls = [curl for page in pages for curl in _CURL.finditer(_shell(page))]
    assert sum(len(arguments_of("a2actl", page)) for page in pages) > 30
    assert len(curls) == 10
    assert sum(_answer(curl["rest"]) is not None for curl in curls) == 8


def test_the_table_of_routes_is_the_apis() -> None:
    operations = {
        f"{method.upper()} {path}" for path, item in OPENAPI["paths"].items() for method in item
    } | NOT_IN_OPENAPI
    assert set(_routes((DOCS / "api.md").read_text("utf-8"))) == operations


def test_the_api_tells_of_every_code() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    refusals, _, failures = page.partition("## Errors")[2].partition("A failed task says why")
    told = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", refusals)) | set(
        re.findall(r"`(UNAUTHORIZED)`", refusals)
    )
    assert told - {"UPPER_SNAKE"} == set(ErrorCode) - ONLY_OVER_A2A - OF_THE_GATEWAY - OF_AN_EXCHANGE
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", failures, re.M)) == set(FailureCode)


@pytest.mark.parametrize("folder", [DOCS, CHINESE_DOCS], ids=name_of)
def test_metrics_that_operators_are_told_of_are_counted(folder: Path) -> None:
    text = (folder / "operations.md").read_text("utf-8")
    [table] = re.findall(r"^## (?:Metrics|指标)\n(.*?)^## ", text, re.M | re.S)
    names = set(re.findall(r"`([A-Z][a-z]+[A-Za-z]+)`", table))
    code = "".join(file.read_text("utf-8") for file in (ROOT / "layers" / "core").rglob("*.py"))
    code += "".join(file.read_text("utf-8") for file in (ROOT / "functions").rglob("*.py"))
    assert len(names) > 30
    assert {name for name in names if f'"{name}"' not in code} == set()


@pytest.mark.parametrize("folder", [DOCS, CHINESE_DOCS], ids=name_of)
def test_the_first_deployment_tells_of_every_check_of_the_smoke_test(folder: Path) -> None:
    text = (folder / "first-deployment.md").read_text("utf-8")
    told = {name.strip() for cell in re.findall(r"^\| ([^|]+) \|", text, re.M) for name in cell.split(",")}
    assert {check.name for check in CHECKS if not check.is_long} <= told
    named = set(re.findall(r'--only "([^"]+)"', text))
    assert named <= {check.name for check in CHECKS}
    assert named


def test_the_example_of_a_connection_is_one() -> None:
    [example] = [code for language, code in fenced(DOCS / "wecom.md") if language == "yaml"]
    definition = parse_connection(yaml.safe_load(example))
    assert (definition.id, definition.fallback, definition.allowed_users) == ("helper", "desk", ["LiLei"])


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    in_navigation = {ROOT / path for path in _pages(settings["project"]["nav"])}
    assert in_navigation - {ROOT / OPENAPI_PAGE} == set(PAGES)


def test_the_index_of_decisions_has_every_subject() -> None:
    assert links(DOCS / "decisions.md") == set((DOCS / "decisions").glob("*.md"))


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    released = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert OPENAPI["info"]["version"] == version
    assert released[:1] in ([], [version])


def _pages(navigation: list[Any]) -> Iterator[str]:
    for entry in navigation:
        for item in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(item, list):
                yield from _pages(item)
            else:
                yield item


def _check_command(words: list[str]) -> None:
    command: Any = typer.main.get_command(main.app)
    for word in words:
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        if word.startswith("--"):
            assert word in options, words
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
    assert not hasattr(command, "commands"), f"a group alone does nothing: {words}"


def _shell(page: Path) -> str:
    return "".join(code for language, code in fenced(page) if language == "sh")


def _request(words: list[str]) -> tuple[dict[str, Any], Any]:
    """The operation that a call of curl is for, and the JSON that it sends."""
    url = next(word for word in words if word.startswith("$API"))
    for variable, value in SHELL.items():
        url = url.replace(variable, value)
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
    return OPENAPI["paths"][url.partition("?")[0]][method.lower()], body


def _answer(rest: str) -> tuple[str, Any] | None:
    """Status and JSON of the comment below a call, where ``…`` stands for what is left out. ``rest`` begins
    with what is left of the call's own line."""
    told = " ".join(line.removeprefix("#").strip() for line in rest.splitlines()[1:])
    if (found := _ANSWER.fullmatch(told)) is None:
        return None
    text = re.sub(r", …(?=[}\]])", "", found["body"]).replace(": …", ": 0")
    return found["status"] or "200", json.loads(text)


def _schema_of_answer(operation: dict[str, Any], status: str) -> dict[str, Any]:
    schema: dict[str, Any] = operation["responses"][status]["content"]["application/json"]["schema"]
    return schema


def _unknown(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """The fields of a value that its schema does not have."""
    schemas = list(_alternatives(schema))
    if isinstance(value, list):
        for item in value:
            for one in schemas:
                yield from _unknown(item, one.get("items", {}))
    if isinstance(value, dict):
        known = {name: field for one in schemas for name, field in one.get("properties", {}).items()}
        for name, field in value.items():
            if name not in known:
                yield name
            else:
                yield from _unknown(field, known[name])


def _alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, what it refers to, and what it is one of; but no null."""
    if "$ref" in schema:
        yield from _alternatives(OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for one in schema.get("anyOf", []):
        yield from _alternatives(one)
    if schema.get("type") in ("object", "array"):
        yield schema


def _routes(page: str) -> Iterator[str]:
    """``METHOD /path`` of each row of the table, which calls a conversation's id ``sessionId``."""
    before = ""
    for cell in re.findall(r"^\| (`(?:GET|POST|DELETE)[^|]*) \|", page, re.M):
        methods = re.findall(r"GET|POST|DELETE", cell)
        path = re.search(r"[/…][^`?\s]*", cell)
        assert path, cell
        full = path[0].replace("{sessionId}", "{contextId}")
        if full.startswith("…"):
            full = before[: before.index(full[1:].partition("/{")[0])] + full[1:]
        before = full
        yield from (f"{method} {full}" for method in methods)
