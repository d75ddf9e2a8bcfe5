"""A request to the Messages API, validated as the real API validates it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.backend import Backend
from local.standin.errors import ApiError
from local.standin.models import MAX_OUTPUT_TOKENS, is_served
from local.standin.request.fallbacks import fallbacks_of
from local.standin.request.features import COMPACT_EDIT, Features
from local.standin.request.output_format import check_output_config
from local.standin.request.prefixes import Prefix, prefixes_of
from local.standin.request.thinking import ThinkingSettings, check_replayed
from local.standin.request.tools import Toolbox
from local.standin.request.transcript import blocks_of, check_content, check_messages

# The API no longer has `temperature`, `top_p` and `top_k`, so they are refused like any unknown parameter.
_COUNTED_PARAMETERS = frozenset(
    (
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
        "speed",
    )
)
_PARAMETERS = _COUNTED_PARAMETERS | {
    "container",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "user_profile_id",
}
_MOST_CACHE_MARKERS = 4
_GEOS = ("global", "us")
_TTLS = (None, "5m", "1h")


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """The parts of a valid request that determine the reply.

    `cache_ttl` is `5m` or `1h`, None if nothing is to be cached. `output_schema` is None for free text.
    `manages_context`: the reply lists the applied edits. `transformations`: what the reply says about
    thinking that the model was not shown; None if the request does not ask for it.
    """

    model: str
    system: str
    messages: tuple[dict[str, Any], ...]
    streams: bool
    cache_ttl: str | None
    prefixes: tuple[Prefix, ...]
    toolbox: Toolbox
    output_schema: dict[str, Any] | None
    container: str | None
    manages_context: bool
    compacts: bool
    thinking: ThinkingSettings
    fallbacks: tuple[str, ...]
    organization: str
    transformations: tuple[dict[str, str], ...] | None
    inference_geo: str | None

    @classmethod
    def from_body(
        cls, body: dict[str, Any], features: Features, *, counts: bool = False
    ) -> "MessagesRequest":
        """The request in a JSON body; `counts` if only its tokens are requested. Raises ApiError 400, 404."""
        _check_model(body, features.backend)
        if not counts:
            _check_max_tokens(body.get("max_tokens"), body["model"])
        for name in body:
            if name not in (_COUNTED_PARAMETERS if counts else _PARAMETERS) | features.parameters:
                raise ApiError.invalid(f"{name}: Extra inputs are not permitted")
        thinking = ThinkingSettings.of(body, features)
        check_content("system", body.get("system") or [], ("text",))
        check_output_config(body, features)
        features.check_context_management(body)
        toolbox = Toolbox.from_body(body, features)
        check_messages(body, features)
        markers = list(_cache_markers(body))
        _check_cache_markers(markers)
        prefixes = prefixes_of(body)
        dropped = check_replayed(body, prefixes, features.organization, thinking)
        edits = (body.get("context_management") or {}).get("edits") or []
        return cls(
            model=body["model"],
            system=text_of(body.get("system") or ""),
            messages=tuple(body["messages"]),
            streams=body.get("stream") is True,
            cache_ttl=markers[0].get("ttl", "5m") if markers else None,
            prefixes=prefixes,
            toolbox=toolbox,
            output_schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
            container=_container_id(body.get("container")),
            manages_context="context_management" in body,
            compacts=any(edit["type"] == COMPACT_EDIT for edit in edits),
            thinking=thinking,
            fallbacks=fallbacks_of(body, features),
            organization=features.organization,
            transformations=dropped if thinking.reports_drops else None,
            inference_geo=_geo_of(body, features.backend),
        )

    @property
    def first_user_text(self) -> str:
        """The text of the first user message, which identifies the conversation; empty if it has none."""
        return next(iter(self.user_texts), "")

    @property
    def user_texts(self) -> list[str]:
        """The text of each user message in order, without tool results."""
        return [text_of(message["content"]) for message in self.messages if message["role"] == "user"]

    @property
    def last_tool_result(self) -> str:
        """The text of the last tool result; empty if there is none."""
        for message in reversed(self.messages):
            for block in reversed(blocks_of(message)):
                if block["type"] == "tool_result":
                    return text_of(block.get("content") or "")
        return ""

    @property
    def turns(self) -> int:
        """How many replies the request already contains."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def conversation(self) -> str:
        """The conversation's key: the SHA-256 of its first user text, in hex."""
        return hashlib.sha256(self.first_user_text.encode("utf-8", "surrogatepass")).hexdigest()


def text_of(content: Any) -> str:
    """The text blocks of a content, joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")


def _check_model(body: dict[str, Any], backend: Backend) -> None:
    model = body.get("model")
    if model is None:
        raise ApiError.invalid("model: Field required")
    if not isinstance(model, str):
        raise ApiError.invalid("model: Input should be a valid string")
    if not model:
        raise ApiError.invalid("model: String should have at least 1 character")
    if not is_served(model, backend):
        raise ApiError(404, "not_found_error", f"model: {model}")


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


def _check_cache_markers(markers: list[dict[str, Any]]) -> None:
    if len(markers) > _MOST_CACHE_MARKERS:
        raise ApiError.invalid(
            f"A maximum of {_MOST_CACHE_MARKERS} blocks with cache_control may be provided. "
            f"Found {len(markers)}."
        )
    for marker in markers:
        if marker.get("type") != "ephemeral" or marker.get("ttl") not in _TTLS:
            raise ApiError.invalid(
                "cache_control: Input should be of type 'ephemeral' with a ttl of '5m' or '1h'"
            )


def _geo_of(body: dict[str, Any], backend: Backend) -> str | None:
    """Where the model must run: https://platform.claude.com/docs/en/manage-claude/data-residency. On Bedrock
    the endpoint decides it, so the parameter has no effect there and usage does not report it."""
    if backend is Backend.BEDROCK:
        return None
    geo = body.get("inference_geo") or "global"
    if geo not in _GEOS:
        raise ApiError.invalid(f"inference_geo: Input should be 'global' or 'us', not {geo!r}")
    return str(geo)


def _container_id(container: Any) -> str | None:
    return container.get("id") if isinstance(container, dict) else container


def _cache_markers(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if body.get("cache_control"):
        yield body["cache_control"]
    for content in (
        body.get("tools"),
        body.get("system"),
        *(message["content"] for message in body["messages"]),
    ):
        yield from _block_markers(content)


def _block_markers(content: Any) -> Iterator[dict[str, Any]]:
    for block in content if isinstance(content, list) else ():
        if block.get("cache_control"):
            yield block["cache_control"]
        yield from _block_markers(block.get("content"))
