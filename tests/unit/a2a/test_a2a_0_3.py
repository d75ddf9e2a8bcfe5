"""Tasks of A2A 0.3 and 1.0 are the same in two forms; the protocol's own SDK is the judge of both."""

import base64
from typing import Any

from a2a.compat.v0_3 import conversions, types
from a2a.types import a2a_pb2
from google.protobuf.json_format import ParseDict
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from a2a_tasks.a2a.v03.objects import MESSAGE, STATES, TASK, PushConfigCodec, response_view, task_view
from a2a_tasks.domain.task import iso8601

# What protobuf can hold: no half surrogate pairs, and no whole numbers that a float cannot tell apart.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
# Not empty where it is optional: an empty one says no more than none.
METADATA = st.dictionaries(TEXT, JSON, min_size=1, max_size=3)
BASE64 = st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode())
FILE_DETAILS: dict[str, st.SearchStrategy[Any]] = {"mediaType": WORD, "filename": WORD, "metadata": METADATA}
PART = st.one_of(
    st.fixed_dictionaries({"text": TEXT}, optional={"metadata": METADATA}),
    st.fixed_dictionaries({"data": JSON}, optional={"metadata": METADATA}),
    st.fixed_dictionaries({"raw": BASE64}, optional=FILE_DETAILS),
    st.fixed_dictionaries({"url": WORD}, optional=FILE_DETAILS),
)
PARTS = st.lists(PART, min_size=1, max_size=3)
MESSAGES = st.fixed_dictionaries(
    {"messageId": WORD, "role": st.sampled_from(["ROLE_USER", "ROLE_AGENT"]), "parts": PARTS},
    optional={
        "contextId": WORD,
        "taskId": WORD,
        "metadata": METADATA,
        "extensions": st.lists(WORD, min_size=1, max_size=2),
        "referenceTaskIds": st.lists(WORD, min_size=1, max_size=2),
    },
)
# With milliseconds: protobuf writes whole seconds without them.
TIMES = st.integers(10**12, 2 * 10**12).filter(lambda time: time % 1000).map(iso8601)
STATUSES = st.fixed_dictionaries(
    {"state": st.sampled_from(list(STATES.old))}, optional={"message": MESSAGES, "timestamp": TIMES}
)
ARTIFACTS = st.fixed_dictionaries(
    {"artifactId": WORD, "parts": PARTS},
    optional={
        "name": WORD,
        "description": WORD,
        "metadata": METADATA,
        "extensions": st.lists(WORD, min_size=1, max_size=2),
    },
)
TASKS = st.fixed_dictionaries(
    {"id": WORD, "status": STATUSES},
    optional={
        "contextId": WORD,
        "artifacts": st.lists(ARTIFACTS, min_size=1, max_size=2),
        "history": st.lists(MESSAGES, min_size=1, max_size=2),
        "metadata": METADATA,
    },
)
PUSH_CONFIGS = st.fixed_dictionaries(
    {"taskId": WORD, "url": WORD},
    optional={
        "id": WORD,
        "token": WORD,
        "authentication": st.fixed_dictionaries({"scheme": WORD}, optional={"credentials": WORD}),
    },
)


def on_the_wire(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class TestTasks:
    @given(TASKS)
    @example({"id": "t", "status": {"state": "TASK_STATE_UNSPECIFIED"}})
    def test_a_task_is_what_the_sdk_makes_of_it(self, task: dict[str, Any]) -> None:
        judged = conversions.to_compat_task(ParseDict(task, a2a_pb2.Task()))
        assert task_view(task) == on_the_wire(judged)

    @given(TASKS)
    def test_a_task_survives_the_way_to_the_old_form_and_back(self, task: dict[str, Any]) -> None:
        assert TASK.upgrade(TASK.downgrade(task), "task") == task

    @given(TASKS)
    def test_an_old_task_survives_the_way_to_the_new_form_and_back(self, task: dict[str, Any]) -> None:
        old = types.Task.model_validate(task_view(task))
        assert task_view(TASK.upgrade(on_the_wire(old), "task")) == on_the_wire(old)

    @given(MESSAGES)
    def test_a_message_is_what_the_sdk_makes_of_it(self, message: dict[str, Any]) -> None:
        judged = conversions.to_compat_message(ParseDict(message, a2a_pb2.Message()))
        assert MESSAGE.downgrade(message) == on_the_wire(judged)

    def test_every_state_has_its_name(self) -> None:
        assert set(STATES.old) == set(a2a_pb2.TaskState.keys())
        assert set(STATES.old.values()) == {state.value for state in types.TaskState}

    def test_what_only_the_new_form_can_say_is_left_out(self) -> None:
        text = {"text": "hello", "mediaType": "text/plain", "filename": "hello.txt"}
        message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [text]}
        assert MESSAGE.downgrade(message)["parts"] == [{"kind": "text", "text": "hello"}]

    def test_numbers_stay_the_numbers_that_they_are(self) -> None:
        data = {"kind": "data", "data": {"count": 42, "share": 0.5}}
        message = {"messageId": "m", "role": "user", "parts": [data]}
        (part,) = MESSAGE.upgrade(message, "message")["parts"]
        assert repr(part) == "{'data': {'count': 42, 'share': 0.5}}"


@given(PUSH_CONFIGS)
def test_a_push_configuration_is_what_the_sdk_makes_of_it(config: dict[str, Any]) -> None:
    judged = conversions.to_compat_task_push_notification_config(
        ParseDict(config, a2a_pb2.TaskPushNotificationConfig())
    )
    assert PushConfigCodec().downgrade(config) == on_the_wire(judged)
    assert PushConfigCodec().upgrade(PushConfigCodec().downgrade(config), "") == config


STATUS_UPDATES = st.fixed_dictionaries(
    {"taskId": WORD, "contextId": WORD, "status": STATUSES}, optional={"metadata": METADATA}
)
ARTIFACT_UPDATES = st.fixed_dictionaries(
    {
        "taskId": WORD,
        "contextId": WORD,
        "artifact": ARTIFACTS,
        "append": st.booleans(),
        "lastChunk": st.booleans(),
    },
    optional={"metadata": METADATA},
)


class TestResponses:
    @given(
        st.one_of(
            st.fixed_dictionaries({"task": TASKS}),
            st.fixed_dictionaries({"message": MESSAGES}),
            st.fixed_dictionaries({"artifactUpdate": ARTIFACT_UPDATES}),
        )
    )
    def test_a_response_is_what_the_sdk_makes_of_it(self, response: dict[str, Any]) -> None:
        judged = conversions.to_compat_stream_response(ParseDict(response, a2a_pb2.StreamResponse()))
        assert response_view(response) == on_the_wire(judged.result)

    @given(STATUS_UPDATES)
    def test_a_status_is_final_where_the_stream_ends(self, update: dict[str, Any]) -> None:
        response = {"statusUpdate": update}
        judged = on_the_wire(
            conversions.to_compat_stream_response(ParseDict(response, a2a_pb2.StreamResponse())).result
        )
        view = response_view(response)
        # the SDK takes a question for no end
        assert view.pop("final") == (judged.pop("final") or view["status"]["state"].endswith("-required"))
        assert view == judged
