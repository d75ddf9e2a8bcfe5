"""A request to the Messages API, checked the way the real one checks it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from local.standin.errors import ApiError
from local.standin.models import MAX_OUTPUT_TOKENS, is_served
from local.standin.prefixes import Prefix, prefixes_of, sign_thinking

_REMOVED_PARAMETERS = ("temperature", "top_p", "top_k")
_ROLES = ("user", "assistant", "system")


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """The parts of a valid request that decide the reply."""

    model: str
    system: str
    messages: tuple[dict[str, Any], ...]
    streams: bool
    caches: bool
    prefixes: tuple[Prefix, ...]

    @classmethod
    def from_body(cls, body: dict[str, Any], *, needs_max_tokens: bool = True) -> "MessagesRequest":
        """The request in a JSON body. Raises ApiError 400 or 404."""
        _check_parameters(body, needs_max_tokens)
        _check_messages(body.get("messages"))
        prefixes = prefixes_of(body)
        # A client that asked for another treatment of foreign thinking has its blocks dropped, not refused.
        if "block_binding" not in (body.get("thinking") or {}):
            _check_signatures(body["messages"], prefixes)
        return cls(
            model=body["model"],
            system=text_of(body.get("system") or ""),
            messages=tuple(body["messages"]),
            streams=body.get("stream") is True,
            caches=_has_cache_marker(body),
            prefixes=prefixes,
        )

    @property
    def first_user_text(self) -> str:
        """The text of the first user message, which names the conversation; empty if it has none."""
        return next(iter(self.user_texts), "")

    @property
    def user_texts(self) -> list[str]:
        """The text of each user message in order, without tool results."""
        return [text_of(message["content"]) for message in self.messages if message["role"] == "user"]

    @property
    def conversation(self) -> str:
        """The conversation's key: the SHA-256 of its first user text, in hex."""
        return hashlib.sha256(self.first_user_text.encode("utf-8", "surrogatepass")).hexdigest()

    def check_end(self, *, paused: bool) -> None:
        """Raise ApiError 400 for a prefilled reply; one that stopped with `pause_turn` may come last."""
        if self.messages[-1]["role"] != "user" and not (paused and self.messages[-1]["role"] == "assistant"):
            raise ApiError.invalid(
                "This model does not support assistant message prefill. "
                "The conversation must end with a user message."
            )


def text_of(content: Any) -> str:
    """The text blocks of a content, joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")


def _check_parameters(body: dict[str, Any], needs_max_tokens: bool) -> None:
    model = body.get("model")
    if model is None:
        raise ApiError.invalid("model: Field required")
    if not isinstance(model, str):
        raise ApiError.invalid("model: Input should be a valid string")
    if not model:
        raise ApiError.invalid("model: String should have at least 1 character")
    if needs_max_tokens:
        _check_max_tokens(body.get("max_tokens"), model)
    for name in _REMOVED_PARAMETERS:
        if name in body:
            raise ApiError.invalid(f"{name}: Extra inputs are not permitted")
    if not is_served(model):
        raise ApiError(404, "not_found_error", f"model: {model}")
    if not isinstance(body.get("thinking") or {}, dict):
        raise ApiError.invalid("thinking: Input should be an object")
    _check_content("system", body.get("system") or [])


def _check_max_tokens(max_tokens: Any, model: str) -> None:
    if max_tokens is None:
        raise ApiError.invalid("max_tokens: Field required")
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool):
        raise ApiError.invalid("max_tokens: Input should be a valid integer")
    if max_tokens < 1:
        raise ApiError.invalid("max_tokens: must be greater than or equal to 1")
    if max_tokens > MAX_OUTPUT_TOKENS:
        raise ApiError.invalid(
            f"max_tokens: {max_tokens} > {MAX_OUTPUT_TOKENS}, "
            f"which is the maximum allowed number of output tokens for {model}"
        )


def _check_messages(messages: Any) -> None:
    if messages is None:
        raise ApiError.invalid("messages: Field required")
    if not isinstance(messages, list):
        raise ApiError.invalid("messages: Input should be a valid array")
    if not messages:
        raise ApiError.invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        _check_message(index, message)
    if messages[0]["role"] != "user":
        raise ApiError.invalid('messages: first message must use the "user" role')
    for index in range(len(messages)):
        _check_tool_results(index, messages)


def _check_message(index: int, message: Any) -> None:
    if not isinstance(message, dict):
        raise ApiError.invalid(f"messages.{index}: Input should be an object")
    if message.get("role") not in _ROLES:
        raise ApiError.invalid(f'messages: Unexpected role "{message.get("role")}".')
    content = message.get("content")
    if content is None:
        raise ApiError.invalid(f"messages.{index}.content: Field required")
    if not content:
        raise ApiError.invalid(f"messages.{index}: {message['role']} messages must have non-empty content")
    _check_content(f"messages.{index}.content", content)


def _check_content(place: str, content: Any) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise ApiError.invalid(f"{place}: Input should be a valid list")
    for position, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise ApiError.invalid(f"{place}.{position}.type: Field required")
        if block["type"] == "text" and not isinstance(block.get("text"), str):
            raise ApiError.invalid(f"{place}.{position}.text.text: Field required")
        if block["type"] == "text" and not block["text"]:
            raise ApiError.invalid(f"{place.partition('.')[0]}: text content blocks must be non-empty")


def _check_tool_results(index: int, messages: list[dict[str, Any]]) -> None:
    called = _tool_use_ids(messages[index - 1]) if index else []
    if messages[index]["role"] != "user":
        return
    leading = []
    for position, block in enumerate(_content(messages[index])):
        # Results count only up to the first other block: text before them makes the real API refuse.
        if block["type"] != "tool_result":
            break
        if block.get("tool_use_id") not in called:
            raise ApiError.invalid(
                f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {block.get('tool_use_id')}. Each `tool_result` block must have a corresponding "
                "`tool_use` block in the previous message."
            )
        leading.append(block["tool_use_id"])
    if missing := [tool_use_id for tool_use_id in called if tool_use_id not in leading]:
        raise ApiError.invalid(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block "
            "in the next message."
        )


def _check_signatures(messages: list[dict[str, Any]], prefixes: tuple[Prefix, ...]) -> None:
    for index, message in enumerate(messages):
        for position, block in enumerate(_content(message)):
            if block["type"] != "thinking":
                continue
            if block.get("signature") != sign_thinking(prefixes[index], block.get("thinking", "")):
                raise ApiError.invalid(
                    f"messages.{index}.content.{position}: Invalid `signature` in `thinking` block"
                )


def _content(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message["content"] if isinstance(message["content"], list) else []


def _tool_use_ids(message: dict[str, Any]) -> list[str]:
    if message["role"] != "assistant":
        return []
    return [str(block.get("id")) for block in _content(message) if block["type"] == "tool_use"]


def _has_cache_marker(body: dict[str, Any]) -> bool:
    if body.get("cache_control"):
        return True
    contents = [body.get("system"), body.get("tools"), *(message["content"] for message in body["messages"])]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return any(isinstance(block, dict) and block.get("cache_control") for block in blocks)
