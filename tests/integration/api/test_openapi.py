"""The committed OpenAPI document is the API's, and is valid."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from docs.generate import openapi
from tests.integration.support.template import ROOT, resource_properties


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    committed: dict[str, Any] = json.loads(openapi.DOCUMENT.read_text())
    return committed


def test_the_committed_document_is_up_to_date_and_needs_no_aws() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    check = subprocess.run(
        [sys.executable, "-m", "docs.generate.openapi", "--check"],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (check.returncode, check.stderr) == (0, "")


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_it_has_the_routes_of_the_template(document: dict[str, Any]) -> None:
    events = [
        event
        for function in ("ApiFunction", "MessagesFunction")
        for event in resource_properties(function)["Events"].values()
    ]
    deployed = {(event["Properties"]["Method"].lower(), event["Properties"]["Path"]) for event in events}

    documented = {(method, path) for path, methods in document["paths"].items() for method in methods}

    pages = {("get", path) for path in ("/docs", "/console", "/console/{version}/{name}")}
    assert documented | pages == deployed, "all but the pages for people"


def test_it_has_the_version_of_the_package(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == version("a2a-tasks")


def test_every_route_but_health_wants_a_key(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["apiKey"]
    operations = {path: list(methods.values()) for path, methods in document["paths"].items()}

    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["security"] == [{"apiKey": []}]
    assert [operation["security"] for operation in operations.pop("/health")] == [[]]
    assert all("security" not in operation for group in operations.values() for operation in group)


def test_answers_to_callers_with_a_key_tell_of_their_limits(document: dict[str, Any]) -> None:
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    paths = document["paths"].copy()
    assert "headers" not in paths.pop("/health")["get"]["responses"]["200"]
    for status, response in (
        item
        for path in paths.values()
        for operation in path.values()
        for item in operation["responses"].items()
    ):
        headers = response.get("headers", {}).keys()
        assert limits <= headers or status == "401"
        assert ("Retry-After" in headers) == (status in ("429", "503"))


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    errors = [
        response["content"]["application/json"]["schema"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
    ]

    assert errors
    assert all(schema == {"$ref": "#/components/schemas/ErrorBody"} for schema in errors)
    assert document["components"]["schemas"]["ErrorBody"]["required"] == ["error", "code"]
