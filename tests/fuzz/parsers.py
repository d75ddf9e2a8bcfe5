"""Every parser that strangers reach, as a function of bytes: it returns, or raises ``REFUSED``.

They are called as their functions call them, with all that is done to an input before AWS is asked.
"""

import importlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import ValidationError

from a2a_tasks.a2a import http_json, json_rpc, requests
from a2a_tasks.a2a.errors import A2AError
from a2a_tasks.a2a.http import Request
from a2a_tasks.a2a.messages import IncomingMessage
from a2a_tasks.a2a.v03 import methods as v03_methods
from a2a_tasks.a2a.view import to_bytes
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.domain.webhooks import target
from a2a_tasks.tasks import latest
from a2a_tasks.tasks.latest import InvalidToken
from a2a_tasks.wecom.protocol.app_callback import receive_app_message
from a2a_tasks.wecom.protocol.bot_callback import receive_bot_message
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, open_with
from a2a_tasks.wecom.protocol.refusal import CallbackRefused

NOW = 1_790_000_000_000
ENVIRONMENT = {"MAX_TIMEOUT_MS": "1800000"}
BOT_KEY = CallbackKey("token", "r8WqL2xNfT5yKdP7mJcV3bH9gZsA6uEoXiR4tYvQn1D", "")
APP_KEY = CallbackKey("token", "r8WqL2xNfT5yKdP7mJcV3bH9gZsA6uEoXiR4tYvQn1D", "ww")
REFUSED = (
    A2AError,
    CallbackRefused,
    InvalidToken,
    json.JSONDecodeError,
    RequestRefused,
    UnicodeDecodeError,
    ValidationError,
)
"""What the functions answer with an error of the caller's."""

type Parser = Callable[[bytes], object]

with patch.dict(os.environ, ENVIRONMENT):
    _tasks = importlib.import_module("functions.api.models.tasks")
    _push = importlib.import_module("functions.api.models.push_configs")
    _creation = importlib.import_module("functions.api.creation")
    _errors = importlib.import_module("functions.api.errors")


def _told[T](error_model: Any, parse: Callable[[], T]) -> T:
    """With what the API does where a body is not as its model says: the answer is made of its errors."""
    try:
        return parse()
    except ValidationError as error:
        refusal: RequestRefused = _errors.to_refusal(_errors.in_body(error), error_model)
        json.dumps(refusal.to_body(), ensure_ascii=False).encode()
        raise


def _submitted(value: Any) -> object:
    task = _told(_tasks.NewTask, lambda: _tasks.NewTask.model_validate(value))
    named = {"project_id": "demo", "agent_id": "writer", "correlation_id": "x", "key_id": "k"}
    return _creation.to_submission(task, now=NOW, idempotency_key="key", **named)


def rest_task(body: bytes) -> object:
    return _submitted(deserialize(body.decode()))


def rest_tasks(body: bytes) -> object:
    asked = deserialize(body.decode())
    tasks = _told(_tasks.NewTasks, lambda: _tasks.NewTasks.model_validate(asked))
    for task in tasks.tasks:
        try:
            _submitted(task)
        except REFUSED:
            continue
    return tasks


def rest_push(body: bytes) -> object:
    asked = deserialize(body.decode())
    given = _told(_push.NewPushConfig, lambda: _push.NewPushConfig.model_validate(asked))
    return _creation.to_push_config(given)


def _request(body: bytes) -> Request:
    return Request("POST", "writer", "", {"a2a-version": "1.0"}, {}, body, "https://a.example", "request-1")


def _asked(method: str, params: Any) -> object:
    if method not in requests.TYPES:
        return None
    parsed = requests.parse(method, params)
    return IncomingMessage.of(parsed["message"]) if "message" in parsed else parsed


def a2a_json_rpc(body: bytes) -> object:
    document = json_rpc.document_of(_request(body))
    to_bytes(json_rpc.response(json_rpc.id_of(document), None))
    return _asked(*json_rpc.method_and_params(document))


def a2a_http_json(body: bytes) -> object:
    return _asked("SendMessage", http_json.body_of(_request(body)))


def a2a_0_3(body: bytes) -> object:
    document = json_rpc.document_of(_request(body))
    to_bytes(json_rpc.response(json_rpc.id_of(document), None))
    method, params = v03_methods.call_of(*json_rpc.method_and_params(document))
    return _asked(method.name, params)


def _signed(key: CallbackKey, encrypted: str) -> CallbackQuery:
    seconds = str(NOW // 1000)
    return CallbackQuery(key.sign(seconds, "n", encrypted), seconds, "n")


def _encrypted_of(folder: str) -> str:
    """What is encrypted in the envelope that is accepted, whose signature all envelopes come with."""
    accepted = (Path(__file__).parent / "corpus" / folder / "accepted").read_text()
    found = re.search(r"[A-Za-z0-9+/=]{40,}", accepted)
    assert found is not None
    return found[0]


def wecom_app_envelope(body: bytes) -> object:
    query = _signed(APP_KEY, _encrypted_of("wecom_app_envelope"))
    return receive_app_message([APP_KEY], "1000002", query, body, NOW)


def wecom_bot_envelope(body: bytes) -> object:
    query = _signed(BOT_KEY, _encrypted_of("wecom_bot_envelope"))
    return receive_bot_message([BOT_KEY], None, query, body, NOW)


def wecom_app_message(message: bytes) -> object:
    encrypted = APP_KEY.encrypt(message.decode(), bytes(16))
    body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
    return receive_app_message([APP_KEY], "1000002", _signed(APP_KEY, encrypted), body, NOW)


def wecom_bot_message(message: bytes) -> object:
    encrypted = BOT_KEY.encrypt(message.decode(), bytes(16))
    body = json.dumps({"encrypt": encrypted}).encode()
    return receive_bot_message([BOT_KEY], None, _signed(BOT_KEY, encrypted), body, NOW)


def wecom_ciphertext(ciphertext: bytes) -> object:
    """Signed as it is, so that it is decrypted."""
    encrypted = ciphertext.decode(errors="surrogateescape")
    return open_with([BOT_KEY], _signed(BOT_KEY, encrypted), encrypted, NOW)


def page_token(text: bytes) -> object:
    return latest.place_of(text.decode(errors="replace"))


def key(text: bytes) -> object:
    return api_key.parse(text.decode(errors="replace"))


def push_url(text: bytes) -> object:
    return target.check_url(text.decode(errors="replace"), allow_loopback=False)


PARSERS: dict[str, Parser] = {
    parser.__name__: parser
    for parser in (
        rest_task,
        rest_tasks,
        rest_push,
        a2a_json_rpc,
        a2a_http_json,
        a2a_0_3,
        wecom_app_envelope,
        wecom_bot_envelope,
        wecom_app_message,
        wecom_bot_message,
        wecom_ciphertext,
        page_token,
        key,
        push_url,
    )
}
