"""What is taken of a request, and how what is wrong is named."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.a2a import requests
from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.requests import TYPES, from_query, parse

TEXT = {"text": "Hello."}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


def message(**changes: Any) -> dict[str, Any]:
    return {"messageId": "m-1", "role": "ROLE_USER", "parts": [TEXT]} | changes


def configured(**configuration: Any) -> dict[str, Any]:
    return {"message": message(), "configuration": configuration}


def sent(**changes: Any) -> dict[str, Any]:
    """The message of a request, as it is taken."""
    taken: dict[str, Any] = parse("SendMessage", {"message": message(**changes)})["message"]
    return taken


def fields_refused(method: str, params: dict[str, Any]) -> list[str]:
    with pytest.raises(A2AError) as refused:
        parse(method, params)
    assert refused.value.problem is Problem.INVALID_PARAMS
    return [violation["field"] for violation in refused.value.violations]


def test_snake_case_is_taken_and_camel_case_comes_out() -> None:
    part = {"text": "x", "media_type": "text/plain"}
    params = {
        "message": {"message_id": "m", "context_id": "c", "role": "ROLE_USER", "parts": [part]},
        "configuration": {"return_immediately": True, "history_length": 0},
    }

    part = {"text": "x", "mediaType": "text/plain"}
    assert parse("SendMessage", params) == {
        "message": {"messageId": "m", "contextId": "c", "role": "ROLE_USER", "parts": [part]},
        "configuration": {"returnImmediately": True, "historyLength": 0},
    }


def test_what_is_not_known_is_left_out_at_every_depth() -> None:
    params = {"message": message(parts=[TEXT | {"kind": "text"}], kind="message"), "extra": {"a": 1}}

    assert parse("SendMessage", params) == {"message": message()}


def test_null_means_that_a_field_is_not_set() -> None:
    assert sent(contextId=None, metadata=None) == message()


def test_numbers_stay_the_callers_own() -> None:
    parts = [{"data": {"n": 42, "big": 9007199254740993}}, {"data": None}, {"data": 7}]

    taken = sent(parts=parts, metadata={"n": 1})

    assert (taken["parts"], taken["metadata"]) == (parts, {"n": 1})
    assert isinstance(taken["parts"][0]["data"]["n"], int)


@given(JSON_VALUES)
def test_free_form_json_comes_out_as_it_went_in(value: Any) -> None:
    taken = sent(parts=[{"data": value}], metadata={"value": value})

    assert (taken["parts"], taken["metadata"]) == ([{"data": value}], {"value": value})


def test_base64_comes_out_in_its_standard_form() -> None:
    assert sent(parts=[{"raw": "-_8"}])["parts"] == [{"raw": "+/8="}]


@pytest.mark.parametrize("role", ["ROLE_USER", 1])
def test_an_enum_may_be_a_number(role: object) -> None:
    assert sent(role=role)["role"] == "ROLE_USER"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"messageId": ""}, ["message.messageId"]),
        ({"messageId": 7}, ["message.messageId"]),
        ({"role": "ROLE_ROBOT"}, ["message.role"]),
        ({"role": "user"}, ["message.role"]),
        ({"role": 9}, ["message.role"]),
        ({"role": []}, ["message.role"]),
        ({"role": None}, ["message.role"]),
        ({"parts": []}, ["message.parts"]),
        ({"parts": [TEXT] * 101}, ["message.parts"]),
        ({"extensions": ["x"] * 101}, ["message.extensions"]),
        ({"parts": TEXT}, ["message.parts"]),
        ({"parts": ["x"]}, ["message.parts[0]"]),
        ({"parts": [None]}, ["message.parts[0]"]),
        ({"parts": [{}]}, ["message.parts[0]"]),
        ({"parts": [{"filename": "a"}]}, ["message.parts[0]"]),
        ({"parts": [TEXT, TEXT | {"url": "https://a.b"}]}, ["message.parts[1]"]),
        ({"parts": [{"text": 5}]}, ["message.parts[0].text"]),
        ({"parts": [{"text": "half \ud800"}]}, ["message.parts[0].text"]),
        ({"parts": [{"text": None}]}, ["message.parts[0]"]),
        ({"metadata": [1]}, ["message.metadata"]),
        ({"extensions": "x"}, ["message.extensions"]),
        ({"extensions": [1]}, ["message.extensions[0]"]),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_message_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    assert fields_refused("SendMessage", {"message": message(**changes)}) == fields


@pytest.mark.parametrize(
    ("method", "params", "fields"),
    [
        ("SendMessage", {}, ["message"]),
        ("SendMessage", {"message": "x"}, ["message"]),
        ("SendMessage", {"message": {"parts": [TEXT]}}, ["message.messageId", "message.role"]),
        ("SendMessage", configured(historyLength=-1), ["configuration.historyLength"]),
        ("SendMessage", configured(returnImmediately="yes"), ["configuration.returnImmediately"]),
        ("GetTask", {}, ["id"]),
        ("GetTask", {"id": "x", "historyLength": -1}, ["historyLength"]),
        ("ListTasks", {"pageSize": 0}, ["pageSize"]),
        ("ListTasks", {"pageSize": 101}, ["pageSize"]),
        ("ListTasks", {"pageSize": 1.5}, ["pageSize"]),
        ("ListTasks", {"pageSize": True}, ["pageSize"]),
        ("ListTasks", {"pageSize": "ten"}, ["pageSize"]),
        ("ListTasks", {"pageSize": 2**31}, ["pageSize"]),
        ("ListTasks", {"pageSize": float("inf")}, ["pageSize"]),
        ("ListTasks", {"status": "TASK_STATE_ODD"}, ["status"]),
        ("ListTasks", {"status": "completed"}, ["status"]),
        ("ListTasks", {"statusTimestampAfter": "yesterday"}, ["statusTimestampAfter"]),
        ("CreateTaskPushNotificationConfig", {"authentication": {}}, ["url", "authentication.scheme"]),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(method: str, params: dict[str, Any], fields: list[str]) -> None:
    assert fields_refused(method, params) == fields


@pytest.mark.parametrize("data", ["\ud800", 10**400, {"\udfff": 1}])
def test_what_is_no_json_is_refused(data: Any) -> None:
    with pytest.raises(A2AError) as refused:
        sent(parts=[{"data": data}])
    assert refused.value.problem is Problem.INVALID_PARAMS


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"a": deep}

    with pytest.raises(A2AError) as refused:
        sent(metadata=deep)
    assert refused.value.problem is Problem.INVALID_PARAMS


def test_a_timestamp_becomes_milliseconds() -> None:
    params = {"statusTimestampAfter": "2026-01-01T02:00:00.5+02:00", "pageSize": "10"}

    assert parse("ListTasks", params) == {"statusTimestampAfter": 1_767_225_600_500, "pageSize": 10}


@pytest.mark.parametrize("size", [7, 7.0, "7"])
def test_a_number_may_be_written_in_several_ways(size: object) -> None:
    assert parse("ListTasks", {"pageSize": size}) == {"pageSize": 7}


def test_a_query_becomes_json() -> None:
    query = {
        "includeArtifacts": "true",
        "page_size": "5",
        "status": "TASK_STATE_WORKING",
        "A2A-Version": "1.0",
    }

    params = from_query("ListTasks", query)

    assert parse("ListTasks", params) == {
        "includeArtifacts": True, "pageSize": 5, "status": "TASK_STATE_WORKING"
    }  # fmt: skip
    with pytest.raises(A2AError, match="includeArtifacts: must be true or false"):
        from_query("ListTasks", {"includeArtifacts": "1"})


@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.sampled_from(
    ["message", "configuration", "id", "taskId", "metadata", "status", "pageSize", "url", "parts", "tenant"]
), JSON_VALUES))  # fmt: skip
def test_nothing_but_a_refusal_comes_of_whatever_is_sent(method: str, params: dict[str, Any]) -> None:
    with suppress(A2AError):
        requests.parse(method, params)
