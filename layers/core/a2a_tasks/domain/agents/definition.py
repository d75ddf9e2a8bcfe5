"""What an operator writes in ``agents/*.yaml``, validated. Only the command line imports this (pydantic)."""

import json
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from a2a_tasks.domain import queue_time
from a2a_tasks.domain.agents.agent import MAX_GROUPS, Visibility
from a2a_tasks.domain.agents.output_schema import problems
from a2a_tasks.domain.ids import AGENT_ID
from a2a_tasks.domain.tools.artifact_link import is_public_host
from a2a_tasks.domain.tools.catalog import MCP_TOOL, OWN_TOOLS, TOOLS

MAX_STORED_BYTES = 350_000
"""Size limit of the definition as UTF-8 JSON; DynamoDB items are limited to 400 KB."""
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*(?:/[!-~]*)?")
"""A domain with an optional path, in ASCII only, which excludes look-alike letters."""


_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
MAX_CONCURRENT_TASKS = 5_000
"""Fifty pages of slots (``ports/slots.py``)."""
MAX_FALLBACKS = 3
"""Limit of the API for refusals (Anthropic's guide "Refusals and fallback")."""


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


class SearchOptions(_Model):
    """Bounds of WebSearch. ``maxUses`` is for one request to the model. Domains include their subdomains."""

    allowed_domains: Annotated[list[str] | None, Field(min_length=1, max_length=200)] = None
    blocked_domains: Annotated[list[str] | None, Field(min_length=1, max_length=200)] = None
    max_uses: Annotated[int | None, Field(strict=True, ge=1, le=1_000)] = None

    @field_validator("allowed_domains", "blocked_domains")
    @classmethod
    def _are_domains(cls, value: list[str] | None) -> list[str] | None:
        wrong = [domain for domain in value or [] if not _DOMAIN.fullmatch(domain)]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} is no domain; write it without https://, such as example.com or"
                " example.com/docs, and international names in Punycode (xn--…)"
            )
        return value

    @field_validator("blocked_domains")
    @classmethod
    def _are_not_both(cls, value: list[str] | None, info: ValidationInfo) -> list[str] | None:
        if value and info.data.get("allowed_domains"):
            raise ValueError("cannot be given beside allowedDomains; leave one of them out")
        return value


class FetchOptions(SearchOptions):
    """Bounds of WebFetch; also how much of a page is read."""

    max_content_tokens: Annotated[int | None, Field(strict=True, ge=1, le=1_000_000)] = None


class ToolOptions(_Model):
    """Options by tool."""

    web_search: Annotated[SearchOptions | None, Field(alias="WebSearch")] = None
    web_fetch: Annotated[FetchOptions | None, Field(alias="WebFetch")] = None


class TaskBudget(_Model):
    """What one task may use in all its turns and attempts. Tokens are those in, out and cached."""

    max_cost_usd: Annotated[
        Decimal | None, Field(gt=0, le=1_000_000, decimal_places=6, allow_inf_nan=False)
    ] = None
    max_tokens: Annotated[int | None, Field(strict=True, ge=1, le=1_000_000_000_000)] = None


class Fallbacks(_Model):
    """Models that stand in. The API itself asks those of ``onRefusal`` where the agent's model refuses:
    ``default``, or up to three by name. With ``onOverload`` tasks go on with the next model while the one
    before is overloaded."""

    on_refusal: Literal["default"] | list[str] | None = None
    on_overload: list[str] = []

    @field_validator("on_refusal", mode="before")
    @classmethod
    def _is_default_or_models(cls, value: object) -> object:
        return value if value is None or value == "default" else _models(value, "default or ")

    @field_validator("on_overload", mode="before")
    @classmethod
    def _are_models(cls, value: object) -> object:
        return _models(value, "") if value else []


class AfterUntrusted(_Model):
    """Which of the agent's tools still run once a task has read content from outside: all but those of
    ``deny``, or those of ``allow`` alone."""

    deny: Annotated[list[str] | None, Field(min_length=1)] = None
    allow: list[str] | None = None

    @field_validator("deny", "allow")
    @classmethod
    def _run_here(cls, value: list[str] | None) -> list[str] | None:
        elsewhere = [name for name in value or [] if name in TOOLS - OWN_TOOLS or MCP_TOOL.fullmatch(name)]
        if elsewhere:
            raise ValueError(
                f"{', '.join(elsewhere)} cannot be denied or allowed here: it runs at Claude's API, in the"
                " same turn that reads; leave it out of allowedTools, or give the reading to another agent"
            )
        return value

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.deny is None) == (self.allow is None):
            raise ValueError("give either deny or allow")
        return self


class AgentDefinition(_Model):
    """An agent. ``model`` is an alias of the deployment (opus, sonnet, haiku) or a model id; an empty
    ``allowedTools`` means no tools; ``timeoutMs`` and ``queueTimeoutMs`` are the defaults of its tasks.
    Without ``maxConcurrentTasks`` any number of them runs at a time."""

    id: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2_000)] = ""
    system_prompt: Annotated[str, Field(max_length=100_000)] = ""
    model: Annotated[str, Field(pattern=f"^{_MODEL.pattern}$", max_length=200)] = "sonnet"
    fallbacks: Fallbacks | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    max_turns: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 30
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=128_000)] = 16_000
    timeout_ms: Annotated[int, Field(strict=True, ge=1_000, le=1_800_000)] = 300_000
    queue_timeout_ms: Annotated[int, Field(strict=True, ge=queue_time.SHORTEST, le=queue_time.LONGEST)] = (
        queue_time.DEFAULT
    )
    max_attempts: Annotated[int | None, Field(strict=True, ge=1, le=10)] = None
    max_concurrent_tasks: int | None = None
    max_pending_tasks: Annotated[int | None, Field(strict=True, ge=1, le=100_000)] = None
    task_budget: TaskBudget | None = None
    enabled: Annotated[bool, Field(strict=True)] = True
    allowed_tools: list[str] = []
    tool_options: ToolOptions = ToolOptions()
    artifact_hosts: Annotated[list[str], Field(max_length=100)] = []
    after_untrusted: AfterUntrusted | None = None
    output_schema: Any = None
    skills: list[Skill] = []
    visibility: Visibility = Visibility.PUBLIC
    notify: Annotated[list[str], Field(max_length=MAX_GROUPS)] = []
    project_id: str | None = None

    @field_validator("id", "project_id")
    @classmethod
    def _is_identifier(cls, value: str | None) -> str | None:
        if value is not None and not AGENT_ID.fullmatch(value):
            raise ValueError("must be 1–64 lower-case letters, digits, '-' or '_', such as 'report-writer'")
        return value

    @field_validator("max_concurrent_tasks", mode="before")
    @classmethod
    def _is_limit(cls, value: object) -> object:
        if value is None or (type(value) is int and 1 <= value <= MAX_CONCURRENT_TASKS):
            return value
        raise ValueError(
            f"must be a whole number from 1 to {MAX_CONCURRENT_TASKS:,}, or null (or left out) for no limit"
        )

    @field_validator("notify")
    @classmethod
    def _are_identifiers(cls, value: list[str]) -> list[str]:
        wrong = [connection for connection in value if not AGENT_ID.fullmatch(connection)]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} is no id of a WeCom connection; `a2actl wecom connections list` has them"
            )
        return value

    @field_validator("fallbacks")
    @classmethod
    def _are_other_models(cls, value: Fallbacks | None, info: ValidationInfo) -> Fallbacks | None:
        named = [*(value.on_refusal or ()), *value.on_overload] if value is not None else []
        if info.data.get("model") in named:
            raise ValueError(f"{info.data['model']} is the agent's own model; leave it out")
        return value

    @field_validator("task_budget")
    @classmethod
    def _bounds_something(cls, value: TaskBudget | None) -> TaskBudget | None:
        if value is not None and value == TaskBudget():
            raise ValueError("holds no bound; give maxCostUsd, maxTokens or both, or leave it out")
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

    @field_validator("tool_options")
    @classmethod
    def _are_of_allowed_tools(cls, value: ToolOptions, info: ValidationInfo) -> ToolOptions:
        allowed = info.data.get("allowed_tools")
        idle = [name for name in _given(value) if allowed is not None and name not in allowed]
        if idle:
            raise ValueError(
                f"{', '.join(idle)} is not in allowedTools; add it there, or leave its options out"
            )
        return value

    @field_validator("artifact_hosts")
    @classmethod
    def _are_hosts(cls, value: list[str]) -> list[str]:
        hosts = [host.lower() for host in value]
        wrong = [host for host in hosts if not is_public_host(host)]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} is no host on the internet; write its name alone, such as"
                " files.example.com (each host by itself, international names in Punycode)"
            )
        return hosts

    @field_validator("after_untrusted")
    @classmethod
    def _are_of_the_agent(cls, value: AfterUntrusted | None, info: ValidationInfo) -> AfterUntrusted | None:
        allowed = info.data.get("allowed_tools")
        named = [*(value.deny or ()), *(value.allow or ())] if value is not None else []
        idle = [name for name in named if allowed is not None and name not in allowed]
        if idle:
            raise ValueError(f"{', '.join(idle)} is not in allowedTools; leave it out, or add it there")
        return value

    @field_validator("output_schema")
    @classmethod
    def _is_taken_by_claude(cls, value: Any) -> Any:
        lines = [] if value is None else problems(value, "outputSchema")
        if lines:
            raise PydanticCustomError("output_schema", "{lines}", {"lines": "\n".join(lines)})
        return value

    def to_stored(self) -> dict[str, Any]:
        """The definition as a registry keeps it: plain JSON, camelCase, every field, without id and project.

        US dollars are texts, so that they stay exact; ``toolOptions`` hold only what is given.
        """
        stored = self.model_dump(mode="json", by_alias=True, exclude={"id", "project_id"})
        return stored | {"toolOptions": _given(self.tool_options)}


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


def _models(value: object, otherwise: str) -> list[object]:
    """Raises ``ValueError`` for anything but a short list of different models."""
    is_list = isinstance(value, list) and 1 <= len(value) <= MAX_FALLBACKS
    models = value if is_list and isinstance(value, list) else []
    named = [model for model in models if isinstance(model, str) and _MODEL.fullmatch(model)]
    if not named or len(set(named)) < len(models):
        raise ValueError(
            f"must be {otherwise}a list of 1 to {MAX_FALLBACKS} different models, such as [opus] or"
            " [claude-opus-4-8]"
        )
    return list(models)


def _given(options: ToolOptions) -> dict[str, dict[str, Any]]:
    return options.model_dump(by_alias=True, exclude_none=True)


_MODELS: dict[tuple[str, ...], type[_Model]] = {
    (): AgentDefinition,
    ("skills",): Skill,
    ("taskBudget",): TaskBudget,
    ("fallbacks",): Fallbacks,
    ("afterUntrusted",): AfterUntrusted,
    ("toolOptions",): ToolOptions,
    ("toolOptions", "WebSearch"): SearchOptions,
    ("toolOptions", "WebFetch"): FetchOptions,
}
"""By where they are in a definition."""


def _explain(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in location)
    if kind == "output_schema":
        return message
    if kind == "extra_forbidden":
        model = _MODELS[tuple(part for part in location[:-1] if isinstance(part, str))]
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"{where}: unknown field; known fields are {known}"
    if kind == "missing":
        return f"{where}: is required"
    return f"{where}: {message.removeprefix('Value error, ')}"
