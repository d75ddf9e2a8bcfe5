"""Methods of A2A 0.3 as calls of methods of 1.0."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.v03.card import card_view
from a2a_tasks.a2a.v03.codec import TEXT, Field, ObjectCodec
from a2a_tasks.a2a.v03.objects import MESSAGE, PUSH_CONFIG, TASK, PushConfigCodec, response_view


class BlockingCodec:
    """``blocking`` of 0.3 is the inverse of ``returnImmediately`` of 1.0. Both wait by default, as the
    protocol's own servers do."""

    def upgrade(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise A2AError.invalid(place, "must be true or false")
        return not value

    def downgrade(self, value: Any) -> bool:
        return not value


class HistoryLengthCodec:
    """0 means everything in 0.3, as if it were left out, and nothing in 1.0."""

    def upgrade(self, value: Any, _place: str) -> Any:
        return value or None

    def downgrade(self, value: Any) -> Any:
        return value


HISTORY_LENGTH = Field("historyLength", HistoryLengthCodec())
TASK_ID = Field("id", TEXT, required=True)
OF_TASK = Field("id", TEXT, new="taskId", required=True)
CONFIG_ID = "pushNotificationConfigId"

CONFIGURATION = ObjectCodec(
    (
        Field("acceptedOutputModes"),
        Field("blocking", BlockingCodec(), new="returnImmediately"),
        HISTORY_LENGTH,
        Field("pushNotificationConfig", PUSH_CONFIG, new="taskPushNotificationConfig"),
    )
)
SEND = ObjectCodec(
    (
        Field("message", MESSAGE, required=True),
        Field("configuration", CONFIGURATION),
        Field("metadata"),
    )
)
GET = ObjectCodec((TASK_ID, HISTORY_LENGTH))
CANCEL = ObjectCodec((TASK_ID, Field("metadata")))
SUBSCRIBE = ObjectCodec((TASK_ID,))
NO_PARAMS = ObjectCodec(())
TASK_PUSH_CONFIG = PushConfigCodec()
PUSH_CONFIGS = ObjectCodec((OF_TASK,))
ONE_PUSH_CONFIG = ObjectCodec((OF_TASK, Field(CONFIG_ID, TEXT, new="id", required=True)))


@dataclass(frozen=True)
class Method:
    """A method of 0.3: its method of 1.0, and the conversions of parameters and of its result, or of each
    streamed response. They raise ``A2AError``."""

    name: str
    params: ObjectCodec | PushConfigCodec
    result: Callable[[Any], Any]


def call_of(name: str, params: Any) -> tuple[Method, dict[str, Any]]:
    """The method of a 0.3 request, and the parameters of 1.0. Raises ``A2AError``."""
    method = METHODS.get(name)
    if method is None:
        text = f"There is no method {name}; there are {', '.join(METHODS)}."
        raise A2AError(Problem.METHOD_NOT_FOUND, text)
    if method is GET_PUSH_CONFIG and isinstance(params, dict) and params.get(CONFIG_ID) is None:
        method = FIRST_PUSH_CONFIG  # 0.3 need not say which, 1.0 must
    return method, method.params.upgrade({} if params is None else params, "")


def _all_configs(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [TASK_PUSH_CONFIG.downgrade(config) for config in result["configs"]]


def _first_config(result: Mapping[str, Any]) -> dict[str, Any]:
    if not (configs := _all_configs(result)):
        raise A2AError(Problem.TASK_NOT_FOUND, "This task has no push notification configuration.")
    return configs[0]


def _nothing(_result: Any) -> None:
    return None


GET_PUSH_CONFIG = Method("GetTaskPushNotificationConfig", ONE_PUSH_CONFIG, TASK_PUSH_CONFIG.downgrade)
FIRST_PUSH_CONFIG = Method("ListTaskPushNotificationConfigs", PUSH_CONFIGS, _first_config)
METHODS = {
    "message/send": Method("SendMessage", SEND, response_view),
    "message/stream": Method("SendStreamingMessage", SEND, response_view),
    "tasks/get": Method("GetTask", GET, TASK.downgrade),
    "tasks/cancel": Method("CancelTask", CANCEL, TASK.downgrade),
    "tasks/resubscribe": Method("SubscribeToTask", SUBSCRIBE, response_view),
    "tasks/pushNotificationConfig/set": Method(
        "CreateTaskPushNotificationConfig", TASK_PUSH_CONFIG, TASK_PUSH_CONFIG.downgrade
    ),
    "tasks/pushNotificationConfig/get": GET_PUSH_CONFIG,
    "tasks/pushNotificationConfig/list": Method(
        "ListTaskPushNotificationConfigs", PUSH_CONFIGS, _all_configs
    ),
    "tasks/pushNotificationConfig/delete": Method(
        "DeleteTaskPushNotificationConfig", ONE_PUSH_CONFIG, _nothing
    ),
    "agent/getAuthenticatedExtendedCard": Method("GetExtendedAgentCard", NO_PARAMS, card_view),
}
