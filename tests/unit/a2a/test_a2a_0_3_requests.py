"""Requests of A2A 0.3 are calls of 1.0; the protocol's own SDK is the judge of both."""

from contextlib import suppress
from typing import Any

import pytest
from a2a.compat.v0_3 import conversions, types
from a2a.types import a2a_pb2
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.v03.errors import error_view
from a2a_tasks.a2a.v03.methods import METHODS, call_of

AUTHENTICATION = {"schemes": ["Bearer", "Basic"], "credentials": "c"}
PUSH = {"id": "hook", "url": "https://example.com/hook", "token": "t", "authentication": AUTHENTICATION}
WRAPPED = {"kind": "data", "data": {"value": [1, 2]}, "metadata": {"data_part_compat": True}}
FULL = {
    "message": {
        "kind": "message",
        "messageId": "m",
        "role": "user",
        "contextId": "c",
        "taskId": "t",
        "referenceTaskIds": ["r"],
        "extensions": ["https://example.com/extension"],
        "metadata": {"a": [1, None]},
        "parts": [
            {"kind": "text", "text": "hello", "metadata": {"b": True}},
            {"kind": "file", "file": {"name": "a.png", "mimeType": "image/png", "bytes": "aGk="}},
            {"kind": "file", "file": {"uri": "https://example.com/a.pdf"}},
            {"kind": "data", "data": {"c": {"d": 1.5}}},
            WRAPPED,
        ],
    },
    "configuration": {
        "acceptedOutputModes": ["text/plain"],
        "blocking": False,
        "historyLength": 3,
        "pushNotificationConfig": PUSH,
    },
    "metadata": {"e": "f"},
}
BARE = {"messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": ""}]}
OF_CONFIG = {"id": "t", "pushNotificationConfigId": "hook"}


def sent(*parts: Any) -> dict[str, Any]:
    return {"message": BARE | {"parts": list(parts)}}


def with_push(**changed: Any) -> dict[str, Any]:
    return {"message": BARE, "configuration": {"pushNotificationConfig": PUSH | changed}}


# What the SDK reads a request as, what it makes of it, and the type of that.
JUDGES: dict[str, tuple[type[BaseModel], Any, Any]] = {
    "message/send": (
        types.SendMessageRequest,
        conversions.to_core_send_message_request,
        a2a_pb2.SendMessageRequest,
    ),
    "message/stream": (
        types.SendStreamingMessageRequest,
        conversions.to_core_send_message_request,
        a2a_pb2.SendMessageRequest,
    ),
    "tasks/get": (types.GetTaskRequest, conversions.to_core_get_task_request, a2a_pb2.GetTaskRequest),
    "tasks/cancel": (
        types.CancelTaskRequest,
        conversions.to_core_cancel_task_request,
        a2a_pb2.CancelTaskRequest,
    ),
    "tasks/resubscribe": (
        types.TaskResubscriptionRequest,
        conversions.to_core_subscribe_to_task_request,
        a2a_pb2.SubscribeToTaskRequest,
    ),
    "tasks/pushNotificationConfig/set": (
        types.SetTaskPushNotificationConfigRequest,
        conversions.to_core_create_task_push_notification_config_request,
        a2a_pb2.TaskPushNotificationConfig,
    ),
    "tasks/pushNotificationConfig/get": (
        types.GetTaskPushNotificationConfigRequest,
        conversions.to_core_get_task_push_notification_config_request,
        a2a_pb2.GetTaskPushNotificationConfigRequest,
    ),
    "tasks/pushNotificationConfig/list": (
        types.ListTaskPushNotificationConfigRequest,
        conversions.to_core_list_task_push_notification_config_request,
        a2a_pb2.ListTaskPushNotificationConfigsRequest,
    ),
    "tasks/pushNotificationConfig/delete": (
        types.DeleteTaskPushNotificationConfigRequest,
        conversions.to_core_delete_task_push_notification_config_request,
        a2a_pb2.DeleteTaskPushNotificationConfigRequest,
    ),
    "agent/getAuthenticatedExtendedCard": (
        types.GetAuthenticatedExtendedCardRequest,
        conversions.to_core_get_extended_agent_card_request,
        a2a_pb2.GetExtendedAgentCardRequest,
    ),
}

NAMES = ("id", "message", "parts", "configuration", "authentication", "schemes", "pushNotificationConfig")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
PARAMS = JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))


class TestRequests:
    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("message/send", FULL),
            ("message/send", {"message": BARE}),
            ("message/send", {"message": BARE, "configuration": {"blocking": True, "historyLength": 0}}),
            ("message/send", {"message": BARE | {"contextId": None, "taskId": ""}, "configuration": None}),
            ("message/stream", FULL),
            ("tasks/get", {"id": "t", "historyLength": 2}),
            ("tasks/get", {"id": "t", "historyLength": 0, "metadata": {"a": 1}}),
            ("tasks/cancel", {"id": "t", "metadata": {"a": 1}}),
            ("tasks/resubscribe", {"id": "t"}),
            ("tasks/pushNotificationConfig/set", {"taskId": "t", "pushNotificationConfig": PUSH}),
            ("tasks/pushNotificationConfig/get", OF_CONFIG),
            ("tasks/pushNotificationConfig/list", {"id": "t"}),
            ("tasks/pushNotificationConfig/delete", OF_CONFIG),
            ("agent/getAuthenticatedExtendedCard", None),
        ],
    )
    def test_a_request_is_what_the_sdk_makes_of_it(self, method: str, params: Any) -> None:
        model, convert, core = JUDGES[method]
        read = model.model_validate({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert ParseDict(call_of(method, params)[1], core()) == convert(read)

    def test_every_method_of_the_version_is_known(self) -> None:
        requests: Any = types.A2ARequest.model_fields["root"].annotation
        assert set(METHODS) == {each.model_fields["method"].default for each in requests.__args__}

    @pytest.mark.parametrize("method", ["SendMessage", "tasks/list", ""])
    def test_no_other_method_is(self, method: str) -> None:
        with pytest.raises(A2AError) as refused:
            call_of(method, {})
        assert refused.value.problem is Problem.METHOD_NOT_FOUND

    def test_whoever_does_not_say_waits(self) -> None:
        assert "configuration" not in call_of("message/send", {"message": BARE})[1]

    def test_an_empty_list_of_schemes_is_no_authentication(self) -> None:
        _, params = call_of("message/send", with_push(authentication={"schemes": []}))
        assert "authentication" not in params["configuration"]["taskPushNotificationConfig"]

    @pytest.mark.parametrize(
        ("method", "params", "field"),
        [
            ("message/send", None, "message"),
            ("message/send", [], "params"),
            ("message/send", {"message": "hello"}, "message"),
            ("message/send", {"message": BARE | {"messageId": None}}, "message.messageId"),
            ("message/send", {"message": BARE | {"role": "ROLE_USER"}}, "message.role"),
            ("message/send", {"message": BARE | {"role": ["user"]}}, "message.role"),
            ("message/send", {"message": BARE | {"taskId": 7}}, "message.taskId"),
            ("message/send", {"message": BARE | {"parts": {}}}, "message.parts"),
            ("message/send", sent("hello"), "message.parts[0]"),
            ("message/send", sent({"text": "hello"}), "message.parts[0].kind"),
            ("message/send", sent({"kind": ["text"]}), "message.parts[0].kind"),
            ("message/send", sent({"kind": "text"}), "message.parts[0].text"),
            ("message/send", sent({"kind": "file"}), "message.parts[0].file"),
            ("message/send", sent({"kind": "file", "file": {"name": "a"}}), "message.parts[0].file"),
            (
                "message/send",
                sent({"kind": "file", "file": {"bytes": "", "uri": "u"}}),
                "message.parts[0].file",
            ),
            ("message/send", sent({"kind": "file", "file": {"bytes": 1}}), "message.parts[0].file.bytes"),
            ("message/send", sent(WRAPPED, {"kind": "data", "data": []}), "message.parts[1].data"),
            ("message/send", sent(WRAPPED | {"data": {}}), "message.parts[0].data.value"),
            (
                "message/send",
                {"message": BARE, "configuration": {"blocking": "no"}},
                "configuration.blocking",
            ),
            ("message/send", with_push(url=None), "configuration.pushNotificationConfig.url"),
            (
                "message/send",
                with_push(authentication={"schemes": [], "credentials": "c"}),
                "configuration.pushNotificationConfig.authentication.schemes",
            ),
            ("tasks/get", {}, "id"),
            ("tasks/cancel", {"id": 7}, "id"),
            ("tasks/pushNotificationConfig/set", {"pushNotificationConfig": PUSH}, "taskId"),
            ("tasks/pushNotificationConfig/set", {"taskId": "t"}, "pushNotificationConfig"),
            ("tasks/pushNotificationConfig/get", {"pushNotificationConfigId": "hook"}, "id"),
            ("tasks/pushNotificationConfig/delete", {"id": "t"}, "pushNotificationConfigId"),
        ],
    )
    def test_what_is_wrong_is_named_as_the_caller_wrote_it(
        self, method: str, params: Any, field: str
    ) -> None:
        with pytest.raises(A2AError) as refused:
            call_of(method, params)
        assert refused.value.problem is Problem.INVALID_PARAMS
        assert [violation["field"] for violation in refused.value.violations] == [field]

    @given(st.sampled_from(list(METHODS)), PARAMS)
    def test_no_parameters_do_more_than_be_refused(self, method: str, params: Any) -> None:
        with suppress(A2AError):
            call_of(method, params)


class TestResults:
    def test_a_sent_message_is_answered_by_the_bare_task_or_message(self) -> None:
        call, _ = call_of("message/send", {"message": BARE})
        status = {"state": "TASK_STATE_INPUT_REQUIRED"}
        assert call.result({"task": {"id": "t", "contextId": "c", "status": status}}) == {
            "kind": "task",
            "id": "t",
            "contextId": "c",
            "status": {"state": "input-required"},
        }
        message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hello"}]}
        assert call.result({"message": message}) == {
            "kind": "message",
            "messageId": "m",
            "role": "agent",
            "parts": [{"kind": "text", "text": "hello"}],
        }

    def test_a_configuration_that_is_not_named_is_the_first(self) -> None:
        call, _ = call_of("tasks/pushNotificationConfig/get", {"id": "t"})
        assert call.name == "ListTaskPushNotificationConfigs"
        configs = [{"taskId": "t", "id": name, "url": "https://example.com"} for name in "ab"]
        assert call.result({"configs": configs}) == {
            "taskId": "t",
            "pushNotificationConfig": {"id": "a", "url": "https://example.com"},
        }
        with pytest.raises(A2AError) as refused:
            call.result({"configs": []})
        assert refused.value.problem is Problem.TASK_NOT_FOUND

    def test_a_list_of_configurations_is_bare(self) -> None:
        call, _ = call_of("tasks/pushNotificationConfig/list", {"id": "t"})
        assert call.result({"configs": [], "nextPageToken": ""}) == []

    def test_a_deletion_has_no_result(self) -> None:
        assert call_of("tasks/pushNotificationConfig/delete", OF_CONFIG)[0].result({}) is None


class TestErrors:
    def test_its_details_are_one_object(self) -> None:
        violation = {"field": "configuration.taskPushNotificationConfig.url", "description": "is required"}
        error = A2AError(Problem.TASK_NOT_FOUND, "There is no such task.", [violation], {"code": "X"})
        assert error_view(error) == {
            "code": -32001,
            "message": "There is no such task.",
            "data": {
                "reason": "TASK_NOT_FOUND",
                "domain": "a2a-protocol.org",
                "metadata": {"code": "X"},
                "fieldViolations": [
                    {"field": "configuration.pushNotificationConfig.url", "description": "is required"}
                ],
            },
        }

    @pytest.mark.parametrize(
        ("new", "old"),
        [
            ("message.parts[0].raw", "message.parts[0].file.bytes"),
            ("message.parts[12].url", "message.parts[12].file.uri"),
            ("message.parts[0].mediaType", "message.parts[0].file.mimeType"),
            ("message.parts[0].filename", "message.parts[0].file.name"),
            ("message.parts[0].text", "message.parts[0].text"),
            ("configuration.historyLength", "configuration.historyLength"),
        ],
    )
    def test_fields_have_the_names_that_the_caller_wrote(self, new: str, old: str) -> None:
        error = error_view(A2AError.invalid(new, "is too long"))
        assert error["message"] == f"{old}: is too long"
        assert error["data"]["fieldViolations"] == [{"field": old, "description": "is too long"}]

    @pytest.mark.parametrize("problem", list(Problem))
    def test_codes_are_those_of_the_version(self, problem: Problem) -> None:
        models: Any = types.A2AError.model_fields["root"].annotation
        known = {model.model_fields["code"].default for model in models.__args__}
        expected = problem.code if problem.code in known else -32603
        view = error_view(A2AError(problem, "m"))
        assert view["code"] == expected
        types.JSONRPCErrorResponse.model_validate({"jsonrpc": "2.0", "id": 1, "error": view})
