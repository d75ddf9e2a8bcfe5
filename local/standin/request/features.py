"""The features that a request may use, by its beta header and its backend."""

from dataclasses import dataclass
from typing import Any

from local.standin.backend import Backend, Credential
from local.standin.errors import ApiError

MCP_BETAS = frozenset({"mcp-client-2025-11-20", "mcp-client-2026-09-15"})
CONTEXT_MANAGEMENT_BETA = "context-management-2025-06-27"
COMPACT_BETA = "compact-2026-01-12"
COMPACT_EDIT = "compact_20260112"
THINKING_UPDATES_BETA = "thinking-display-updates-2026-08-18"
BINDING_CONTROLS_BETA = "thinking-binding-controls-2026-08-01"
TASK_BUDGET_BETA = "task-budgets-2026-03-13"
_CLEARING_EDITS = ("clear_thinking_20251015", "clear_tool_uses_20250919")
# https://platform.claude.com/docs/en/build-with-claude/compaction-threshold
_SMALLEST_COMPACT_TRIGGER = 50_000
# The values of the SDK's AnthropicBetaParam that concern messages and batches.
_KNOWN_BETAS = MCP_BETAS | {
    CONTEXT_MANAGEMENT_BETA,
    COMPACT_BETA,
    TASK_BUDGET_BETA,
    THINKING_UPDATES_BETA,
    BINDING_CONTROLS_BETA,
    "advisor-tool-2026-03-01",
    "cache-diagnosis-2026-04-07",
    "code-execution-2025-05-22",
    "code-execution-2025-08-25",
    "compact-2026-09-04",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "extended-cache-ttl-2025-04-11",
    "fallback-credit-2026-07-01",
    "fast-mode-2026-02-01",
    "files-api-2025-04-14",
    "inline-tools-2026-09-15",
    "interleaved-thinking-2025-05-14",
    "mcp-client-2025-04-04",
    "message-batches-2024-09-24",
    "message-threads-2026-08-12",
    "mid-conversation-output-config-2026-07-01",
    "mid-conversation-system-clear-at-2026-08-21",
    "mid-conversation-tool-changes-2026-07-01",
    "model-context-window-exceeded-2025-08-26",
    "output-300k-2026-03-24",
    "pdfs-2024-09-25",
    "prompt-caching-2024-07-31",
    "server-side-fallback-2026-06-01",
    "server-side-fallback-2026-07-01",
    "skills-2025-10-02",
    "structured-outputs-2025-11-13",
    "thinking-token-count-2026-05-13",
    "token-counting-2024-11-01",
}


@dataclass(frozen=True, slots=True)
class Features:
    """The betas that a request asks for, the backend that it went to, and its organization."""

    betas: frozenset[str] = frozenset()
    backend: Backend = Backend.CLAUDE
    organization: str = ""

    @classmethod
    def of(cls, header: str, credential: Credential) -> "Features":
        """From the `anthropic-beta` header. Raises ApiError 400 for an unknown beta."""
        betas = [name.strip() for name in header.split(",") if name.strip()]
        if unknown := [name for name in betas if name not in _KNOWN_BETAS]:
            names = ", ".join(f"`{name}`" for name in unknown)
            raise ApiError.invalid(
                f"Unexpected value(s) {names} for the `anthropic-beta` header. Please consult our "
                "documentation at docs.claude.com or try again without the header."
            )
        return cls(frozenset(betas), credential.backend, credential.organization)

    @property
    def server_tools(self) -> bool:
        """Whether the backend runs tools of its own."""
        return self.backend is not Backend.BEDROCK

    @property
    def mcp(self) -> bool:
        """Whether the backend connects to MCP servers."""
        return self.server_tools and bool(self.betas & MCP_BETAS)

    @property
    def clearing(self) -> bool:
        """Whether tool results and thinking may be cleared from the context."""
        return self.server_tools and CONTEXT_MANAGEMENT_BETA in self.betas

    @property
    def compaction(self) -> bool:
        """Whether the context may be compacted at a threshold."""
        return self.server_tools and COMPACT_BETA in self.betas

    @property
    def thinking_updates(self) -> bool:
        """Whether thinking may be shown as short updates."""
        return self.backend is not Backend.BEDROCK and THINKING_UPDATES_BETA in self.betas

    @property
    def binding_controls(self) -> bool:
        """Whether the request may say what happens to mismatched thinking."""
        return self.backend is not Backend.BEDROCK and BINDING_CONTROLS_BETA in self.betas

    @property
    def fallbacks(self) -> bool:
        """Whether other models may be asked if one declines."""
        return any(name.startswith("server-side-fallback-") for name in self.betas)

    @property
    def parameters(self) -> frozenset[str]:
        """The top-level parameters that need a beta and may be used."""
        allowed = {
            "mcp_servers": self.mcp,
            "context_management": self.clearing or self.compaction,
            "fallbacks": self.fallbacks,
        }
        return frozenset(name for name, is_allowed in allowed.items() if is_allowed)

    def check_context_management(self, body: dict[str, Any]) -> None:
        """Raise ApiError 400 for edits that do not exist, or not with these betas."""
        settings = body.get("context_management") or {}
        if not isinstance(settings, dict) or not isinstance(settings.get("edits", []), list):
            raise ApiError.invalid("context_management.edits: Input should be a valid list")
        for name in settings:
            if name != "edits":
                raise ApiError.invalid(f"context_management.{name}: Extra inputs are not permitted")
        tags = (_CLEARING_EDITS if self.clearing else ()) + ((COMPACT_EDIT,) if self.compaction else ())
        for index, edit in enumerate(settings.get("edits", [])):
            _check_edit(f"context_management.edits.{index}", edit, tags)


def unexpected_tag(place: str, tag: Any, expected: tuple[str, ...]) -> ApiError:
    """The 400 for an object with an unexpected `type`."""
    tags = ", ".join(f"'{name}'" for name in expected)
    return ApiError.invalid(
        f"{place}: Input tag '{tag}' found using 'type' does not match any of the expected tags: {tags}"
    )


def _check_edit(place: str, edit: Any, tags: tuple[str, ...]) -> None:
    if not isinstance(edit, dict):
        raise ApiError.invalid(f"{place}: Input should be an object")
    if edit.get("type") not in tags:
        raise unexpected_tag(place, edit.get("type"), tags)
    trigger = edit.get("trigger") or {}
    value = trigger.get("value", _SMALLEST_COMPACT_TRIGGER) if isinstance(trigger, dict) else None
    if not isinstance(value, int):
        raise ApiError.invalid(f"{place}.{edit['type']}.trigger: Input should be an object with a value")
    if edit["type"] == COMPACT_EDIT and value < _SMALLEST_COMPACT_TRIGGER:
        raise ApiError.invalid(
            f"{place}.{COMPACT_EDIT}.trigger.input_tokens.value: Input should be greater than or equal to "
            f"{_SMALLEST_COMPACT_TRIGGER}"
        )
