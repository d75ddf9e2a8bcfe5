"""What an operator writes in ``agents/*.yaml``, validated. Only the command line imports this (pydantic)."""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from a2a_tasks.domain.ids import AGENT_ID

SERVER_TOOLS = frozenset({"WebSearch", "WebFetch", "Bash", "CodeExecution"})
WORKSPACE_TOOLS = frozenset({"Read", "Write", "Edit", "Glob", "Grep"})
SERVICE_TOOLS = frozenset({"save_artifact", "report_progress", "ask_user", "call_agent", "Task", "TodoWrite"})
TOOLS = SERVER_TOOLS | WORKSPACE_TOOLS | SERVICE_TOOLS
"""Tool names as in Claude Code, and the service's own."""
MCP_TOOL = re.compile(r"mcp__[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*__[A-Za-z0-9_-]+")
MAX_STORED_BYTES = 350_000
"""Of the definition as UTF-8 JSON: DynamoDB takes items of 400 KB."""


class InvalidAgent(ValueError):
    """A definition that cannot be applied; the text names each field and what to change."""


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, str_strip_whitespace=True
    )


class Skill(_Model):
    """A capability that the agent card lists (A2A 1.0, AgentSkill)."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1, max_length=2_000)]
    tags: list[str] = []
    examples: list[str] = []


class AgentDefinition(_Model):
    """An agent. ``model`` is an alias of the deployment (opus, sonnet, haiku) or a model id; an empty
    ``allowedTools`` means no tools; ``timeoutMs`` is the default of its tasks."""

    id: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2_000)] = ""
    system_prompt: Annotated[str, Field(max_length=100_000)] = ""
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=200)] = "sonnet"
    max_turns: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 30
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=128_000)] = 16_000
    timeout_ms: Annotated[int, Field(strict=True, ge=1_000, le=1_800_000)] = 300_000
    max_concurrent_tasks: Annotated[int, Field(strict=True, ge=1, le=50)] = 5
    enabled: Annotated[bool, Field(strict=True)] = True
    allowed_tools: list[str] = []
    skills: list[Skill] = []
    project_id: str | None = None

    @field_validator("id", "project_id")
    @classmethod
    def _is_identifier(cls, value: str | None) -> str | None:
        if value is not None and not AGENT_ID.fullmatch(value):
            raise ValueError("must be 1–64 lower-case letters, digits, '-' or '_', such as 'report-writer'")
        return value

    @field_validator("allowed_tools")
    @classmethod
    def _are_known_tools(cls, value: list[str]) -> list[str]:
        unknown = [name for name in value if name not in TOOLS and not MCP_TOOL.fullmatch(name)]
        if unknown:
            known = ", ".join(sorted(TOOLS))
            raise ValueError(
                f"unknown tool {', '.join(unknown)}; known are {known} and mcp__<server>__<tool>"
            )
        return value

    def to_stored(self) -> dict[str, Any]:
        """The definition as a registry keeps it: camelCase, every field, without id and project."""
        return self.model_dump(by_alias=True, exclude={"id", "project_id"})


def parse_agent(document: object) -> AgentDefinition:
    """Validate one YAML document. Raises ``InvalidAgent`` with a line per field that is wrong."""
    if not isinstance(document, dict):
        raise InvalidAgent("an agent definition is a mapping that begins with 'id:' and 'name:'")
    try:
        definition = AgentDefinition.model_validate(document)
    except ValidationError as error:
        raise InvalidAgent(
            "\n".join(_explain(e["loc"], e["type"], e["msg"]) for e in error.errors())
        ) from None
    size = len(json.dumps(definition.to_stored(), ensure_ascii=False).encode())
    if size > MAX_STORED_BYTES:
        raise InvalidAgent(f"the definition takes {size} bytes; at most {MAX_STORED_BYTES} are stored")
    return definition


def _explain(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        known = ", ".join(to_camel(name) for name in AgentDefinition.model_fields)
        return (
            f"{where}: unknown field; known fields are {known}"
            if len(location) == 1
            else f"{where}: unknown field"
        )
    if kind == "missing":
        return f"{where}: is required"
    return f"{where}: {message.removeprefix('Value error, ')}"
