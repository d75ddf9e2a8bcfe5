"""The messages of a request, validated as the real API validates them."""

import re
from typing import Any

from local.standin.errors import ApiError
from local.standin.request.fallbacks import check_sent_back
from local.standin.request.features import COMPACT_EDIT, Features, unexpected_tag

_ROLES = ("user", "assistant", "system")
_ID = "^[a-zA-Z0-9_-]+$"
_USER_BLOCKS = ("text", "image", "document", "search_result", "tool_result", "container_upload")
_ASSISTANT_BLOCKS = (
    "text",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
)
_MCP_BLOCKS = ("mcp_tool_use", "mcp_tool_result", "mcp_tool_listing")
_RESULT_CONTENT = ("text", "image", "document", "search_result", "tool_reference")
# In addition to `type` and `cache_control`. Fields that an SDK adds to a block are refused in a replay.
_FIELDS = {
    "text": {"text", "citations"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
    "tool_use": {"id", "name", "input", "caller", "toolset_name"},
    "tool_result": {"tool_use_id", "content", "is_error", "toolset_name"},
    "server_tool_use": {"id", "name", "input", "caller"},
    "mcp_tool_use": {"id", "name", "server_name", "input"},
    "mcp_tool_result": {"tool_use_id", "content", "is_error"},
    "fallback": {"from", "to", "trigger"},
    "compaction": {"content", "encrypted_content", "signature", "tool_changes"},
}
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def check_messages(body: dict[str, Any], features: Features) -> None:
    """Raise ApiError 400 for messages that the API would refuse in any conversation."""
    messages = body.get("messages")
    if messages is None:
        raise ApiError.invalid("messages: Field required")
    if not isinstance(messages, list):
        raise ApiError.invalid("messages: Input should be a valid array")
    if not messages:
        raise ApiError.invalid("messages: at least one message is required")
    tags = _block_types(body, features)
    for index, message in enumerate(messages):
        _check_message(index, message, tags)
    if messages[0]["role"] != "user":
        raise ApiError.invalid('messages: first message must use the "user" role')
    _check_ids(messages)
    for index in range(len(messages)):
        _check_tool_results(index, messages)
        _check_server_results(index, messages)


def check_content(place: str, content: Any, tags: tuple[str, ...]) -> None:
    """Raise ApiError 400 for a content that is neither text nor a list of blocks of these types."""
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise ApiError.invalid(f"{place}: Input should be a valid list")
    for position, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise ApiError.invalid(f"{place}.{position}.type: Field required")
        if block["type"] not in tags:
            raise unexpected_tag(f"{place}.{position}", block["type"], tags)
        _check_block(f"{place}.{position}.{block['type']}", block)


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a message, none if its content is a string."""
    return message["content"] if isinstance(message["content"], list) else []


def _block_types(body: dict[str, Any], features: Features) -> dict[str, tuple[str, ...]]:
    edits = (body.get("context_management") or {}).get("edits") or []
    # The API accepts a replayed compaction block only while its strategy is declared.
    compacts = any(edit["type"] == COMPACT_EDIT for edit in edits)
    replies = (
        _ASSISTANT_BLOCKS
        + (_MCP_BLOCKS if features.mcp else ())
        + (("compaction",) if compacts else ())
        + (("fallback",) if features.fallbacks else ())
    )
    return {"user": _USER_BLOCKS, "assistant": replies, "system": ("text",)}


def _check_message(index: int, message: Any, tags: dict[str, tuple[str, ...]]) -> None:
    if not isinstance(message, dict):
        raise ApiError.invalid(f"messages.{index}: Input should be an object")
    role = message.get("role")
    if role not in _ROLES:
        raise ApiError.invalid(f'messages: Unexpected role "{role}".')
    for name in message:
        if name not in ("role", "content"):
            raise ApiError.invalid(f"messages.{index}.{name}: Extra inputs are not permitted")
    content = message.get("content")
    if content is None:
        raise ApiError.invalid(f"messages.{index}.content: Field required")
    if not content:
        raise ApiError.invalid(f"messages.{index}: {role} messages must have non-empty content")
    if isinstance(content, str):
        _check_text("messages", content)
    check_content(f"messages.{index}.content", content, tags[role])
    check_sent_back(f"messages.{index}.content", blocks_of(message))


def _check_block(place: str, block: dict[str, Any]) -> None:
    kind = block["type"]
    for name in block if kind in _FIELDS else ():
        if name not in _FIELDS[kind] | {"type", "cache_control"}:
            raise ApiError.invalid(f"{place}.{name}: Extra inputs are not permitted")
    match kind:
        case "text":
            if not isinstance(block.get("text"), str):
                raise ApiError.invalid(f"{place}.text: Field required")
            _check_text(place.partition(".")[0], block["text"])
        case "thinking" | "redacted_thinking" if block.get("cache_control"):
            raise ApiError.invalid(f"{place}.cache_control: Extra inputs are not permitted")
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            _check_call(place, block)
        case "tool_result":
            _check_result(place, block)


def _check_text(place: str, text: str) -> None:
    if not text.strip():
        demand = "contain non-whitespace text" if text else "be non-empty"
        raise ApiError.invalid(f"{place}: text content blocks must {demand}")


def _check_call(place: str, block: dict[str, Any]) -> None:
    for name in ("id", "name"):
        if not isinstance(block.get(name), str) or not block[name]:
            raise ApiError.invalid(f"{place}.{name}: Field required")
    if not re.fullmatch(_ID, block["id"]):
        raise ApiError.invalid(f"{place}.id: String should match pattern '{_ID}'")
    if not isinstance(block.get("input"), dict):
        raise ApiError.invalid(f"{place}.input: Input should be a valid dictionary")


def _check_result(place: str, block: dict[str, Any]) -> None:
    content = block.get("content")
    if block.get("is_error") and not content:
        raise ApiError.invalid(f"{place}: content cannot be empty if `is_error` is true")
    if not isinstance(block.get("is_error", False), bool):
        raise ApiError.invalid(f"{place}.is_error: Input should be a valid boolean")
    if content is not None:
        check_content(f"{place}.content", content, _RESULT_CONTENT)


def _check_ids(messages: list[dict[str, Any]]) -> None:
    seen = set()
    for index, message in enumerate(messages):
        for position, block in enumerate(blocks_of(message)):
            if block["type"] not in _CALLS:
                continue
            if block["id"] in seen:
                raise ApiError.invalid(f"messages.{index}.content.{position}: `tool_use` ids must be unique")
            seen.add(block["id"])


def _check_tool_results(index: int, messages: list[dict[str, Any]]) -> None:
    called = _tool_use_ids(messages[index - 1]) if index else []
    leading: list[str] = []
    blocks = blocks_of(messages[index]) if messages[index]["role"] == "user" else []
    for position, block in enumerate(blocks):
        if block["type"] != "tool_result":
            continue
        # Results count only up to the first other block: the real API refuses text before them.
        if len(leading) < position and block.get("tool_use_id") in called:
            break
        if block.get("tool_use_id") not in called:
            raise ApiError.invalid(
                f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {block.get('tool_use_id')}. Each `tool_result` block must have a corresponding "
                "`tool_use` block in the previous message."
            )
        if block["tool_use_id"] in leading:
            raise ApiError.invalid(
                f"messages.{index}.content.{position}: each tool_use must have a single result. Found "
                f"multiple `tool_result` blocks with id: {block['tool_use_id']}"
            )
        leading.append(block["tool_use_id"])
    if missing := [tool_use_id for tool_use_id in called if tool_use_id not in leading]:
        raise ApiError.invalid(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block "
            "in the next message."
        )


def _check_server_results(index: int, messages: list[dict[str, Any]]) -> None:
    message = messages[index]
    if message["role"] != "assistant" or index + 1 == len(messages):
        return
    # A reply that paused may leave a call open; the reply that continues it has the result.
    if messages[index + 1]["role"] == "assistant":
        return
    answered = {
        block.get("tool_use_id")
        for earlier in messages[: index + 1]
        for block in blocks_of(earlier)
        if block["type"].endswith("_tool_result")
    }
    for block in blocks_of(message):
        if block["type"] in ("server_tool_use", "mcp_tool_use") and block["id"] not in answered:
            kind = "mcp" if block["type"] == "mcp_tool_use" else block["name"]
            raise ApiError.invalid(
                f"messages.{index}: `{block['name']}` tool use with id `{block['id']}` was found without a "
                f"corresponding `{kind}_tool_result` block"
            )


def _tool_use_ids(message: dict[str, Any]) -> list[str]:
    if message["role"] != "assistant":
        return []
    return [block["id"] for block in blocks_of(message) if block["type"] == "tool_use"]
