"""The page that shows the API's documentation, and the document in it."""

import json
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from docs.generate.openapi import DOCUMENT
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.caller import Answer, Caller

ELSEWHERE = re.compile(r"""<[^>]+(?:src|href|action)\s*=\s*["']?(?:https?:)?//""")
"""A tag that makes a browser load something from another host."""


@pytest.fixture
def api(start: Callable[..., ModuleType]) -> ModuleType:
    return start("api", API_DOCS="on", REQUESTS_PER_HOUR="0")


@pytest.fixture
def document(caller: Caller) -> dict[str, Any]:
    answered: dict[str, Any] = caller.get("/docs?format=json").body
    return answered


def test_the_document_is_the_committed_one_at_its_own_address(document: dict[str, Any]) -> None:
    committed = json.loads(DOCUMENT.read_text())
    assert document.pop("servers") == [{"url": "."}]
    del committed["servers"]
    assert document == committed


def test_the_page_holds_the_document(caller: Caller) -> None:
    page = caller.get("/docs")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert caller.get("/docs?format=json").text.replace("</", "<\\/") in page.text


def test_the_page_needs_nothing_from_elsewhere(caller: Caller) -> None:
    page = caller.get("/docs")
    assert "SwaggerUIBundle" in page.text
    html = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page.text, flags=re.DOTALL)
    assert not ELSEWHERE.search(html)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert len(page.text.encode()) < 6_000_000, "Lambda's limit of an answer"


def test_a_format_that_is_not_known_is_refused(caller: Caller) -> None:
    answer = caller.get("/docs?format=yaml")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["details"][0]["field"] == "format"


def test_by_default_there_is_no_page(start: Callable[..., ModuleType]) -> None:
    caller = Caller(start("api").handler, PROJECT)
    page, nothing = caller.get("/docs"), caller.get("/nowhere")
    assert (page.status, page.text) == (404, nothing.text)


@pytest.mark.parametrize("path", ["/docs", "/docs?format=json"])
def test_it_is_made_once_and_kept_by_those_who_have_it(
    caller: Caller, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = caller.get(path)
    monkeypatch.setattr("aws_lambda_powertools.event_handler.APIGatewayRestResolver.get_openapi_schema", None)
    again = caller.get(path)
    known = caller.send("GET", path, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})

    assert (again.status, again.text, again.headers["ETag"]) == (200, first.text, first.headers["ETag"])
    assert again.headers["Cache-Control"] == "public, max-age=3600"
    assert (known.status, known.text, known.headers["ETag"]) == (304, "", first.headers["ETag"])


def test_it_reads_nothing_of_anybody(caller: Caller, account: Account) -> None:
    caller.get("/docs")
    assert account.calls.made == []


def test_no_other_request_pays_for_the_page(caller: Caller) -> None:
    modules = {"functions.api.docs_page", "functions.api.openapi"}
    caller.get("/health")
    assert not modules & sys.modules.keys()
    caller.get("/docs")
    assert modules <= sys.modules.keys()


def test_text_in_the_document_cannot_end_the_script(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api.openapi.DESCRIPTION", "Some text.</script><script>alert(1)</script>")
    page: Answer = caller.get("/docs")
    spec = page.text[page.text.index("spec: {") :]
    spec = spec[: spec.index("presets:")]
    assert "Some text." in spec
    assert "</" not in spec
