"""The console's page and files, as the function that streams sends them."""

import gzip
import json
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.runtime.answer import DELIMITER
from tests.integration.conftest import UNLIMITED
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

ADDRESS = re.compile(r'(?:href|src)="(console/[^"]+)"')
IMPORTED = re.compile(r'from ?"\./([\w.]+)"|import\("\./([\w.]+)"\)')


@pytest.fixture
def api(start: Callable[..., ModuleType]) -> ModuleType:
    return start("api", CONSOLE="on", **UNLIMITED)


def streamed(api: ModuleType, path: str, **headers: str) -> tuple[dict[str, Any], bytes]:
    """What goes to the gateway: the head, and the body byte for byte."""
    event = load_event("api_post_task")
    event |= {"httpMethod": "GET", "path": path, "resource": path, "pathParameters": None, "body": None}
    event["multiValueHeaders"] = {name.replace("_", "-"): [value] for name, value in headers.items()}
    event["requestContext"] |= {"authorizer": None, "path": f"/dev{path}"}
    answer = api.stream(event, LambdaContext(60_000))
    head, _, body = b"".join(answer.chunks()).partition(DELIMITER)
    return json.loads(head), body


def addresses(page: Answer) -> list[str]:
    return [f"/{address}" for address in ADDRESS.findall(page.text)]


def test_all_that_the_page_and_its_scripts_ask_for_is_there(caller: Caller) -> None:
    page = caller.get("/console")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    asked, known = addresses(page), set()
    while asked:
        address = asked.pop()
        file = caller.get(address)
        assert file.status == 200, address
        known.add(address)
        folder = address.rpartition("/")[0]
        found = {f"{folder}/{one or other}" for one, other in IMPORTED.findall(file.text)}
        asked += found - known
    assert {address.rpartition("/")[2] for address in known} == {
        "app.css", "app.js", "hooks.mjs", "htm.mjs", "preact.mjs", "uplot.mjs",
    }  # fmt: skip


def test_a_first_visit_takes_few_requests(caller: Caller) -> None:
    """Each may be a cold start, and a new account has ten processes in all."""
    assert len(addresses(caller.get("/console"))) <= 5


def test_the_policy_lets_nothing_else_in(caller: Caller) -> None:
    page = caller.get("/console")
    for address in ["/console", *addresses(page)]:
        policy = caller.get(address).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "connect-src 'self'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text)


def test_files_are_kept_for_good_and_the_page_is_asked_for_again(caller: Caller) -> None:
    page = caller.get("/console")
    file = caller.get(addresses(page)[0])
    assert page.headers["Cache-Control"] == "no-cache"
    assert "immutable" in file.headers["Cache-Control"]
    for path, first in (("/console", page), (addresses(page)[0], file)):
        again = caller.send("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.text) == (304, "")


def test_a_file_of_another_version_is_not_kept(caller: Caller) -> None:
    """As while a deployment is under way: the page came from the other one."""
    address = addresses(caller.get("/console"))[0]
    old = re.sub(r"console/\w+/", "console/0123456789ab/", address)
    other, own = caller.get(old), caller.get(address)
    assert (other.status, other.text) == (200, own.text)
    assert other.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["main.js", "LICENSE.htm", "..", "%2e%2e", "app.js.map"])
def test_nothing_else_is_sent(caller: Caller, name: str) -> None:
    assert caller.get(f"/console/x/{name}").code == "NOT_FOUND"


def test_it_is_compressed_for_those_who_take_that(api: ModuleType, caller: Caller) -> None:
    address = next(each for each in addresses(caller.get("/console")) if each.endswith("app.js"))
    head, packed = streamed(api, address, Accept_Encoding="gzip, br")
    plain_head, plain = streamed(api, address)
    assert head["headers"]["Content-Encoding"] == "gzip"
    assert head["headers"]["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2
    assert "Content-Encoding" not in plain_head["headers"]


@pytest.mark.parametrize("header", ["If_None_Match", "if_none_match"])
def test_an_unchanged_page_has_no_body(api: ModuleType, header: str) -> None:
    first, _ = streamed(api, "/console")
    known = {header: first["headers"]["ETag"]}
    head, body = streamed(api, "/console", Accept_Encoding="gzip", **known)
    assert (head["statusCode"], body) == (304, b"")


def test_with_a_slash_at_its_end_the_address_leads_to_the_page(api: ModuleType) -> None:
    head, _ = streamed(api, "/console/")
    assert (head["statusCode"], head["headers"]["Location"]) == (302, "../console")


def test_it_can_be_left_out(start: Callable[..., ModuleType]) -> None:
    caller = Caller(start("api", CONSOLE="off").handler, PROJECT)
    assert caller.get("/console").text == caller.get("/nowhere").text
    assert caller.get("/console/x/app.js").status == 404


def test_it_reads_nothing_of_anybody(caller: Caller, account: Account) -> None:
    caller.get("/console")
    assert account.calls.made == []


def test_no_other_request_pays_for_it(caller: Caller) -> None:
    caller.get("/health")
    assert not [name for name in sys.modules if name.startswith("functions.api.console")]
    caller.get("/console")
    assert [name for name in sys.modules if name.startswith("functions.api.console")]
