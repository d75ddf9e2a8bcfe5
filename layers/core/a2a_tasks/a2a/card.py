"""Agent cards: what an agent can do, and where and how to call it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from a2a_tasks.a2a.v03 import card as v03_card
from a2a_tasks.a2a.view import to_bytes
from a2a_tasks.domain.agents.agent import AgentRevision, Visibility
from a2a_tasks.tasks.content import INPUT_MODES

PROTOCOL_VERSION = "1.0"
WELL_KNOWN = "/.well-known/agent-card.json"
HTTP_JSON_PATH = "/v1"
"""Path of the HTTP+JSON binding below an agent's address, where ``/tasks`` belongs to the REST API."""
MAX_AGE_SECONDS = 300
"""How long clients may not notice that an agent was changed."""


@dataclass(frozen=True)
class Publisher:
    """The ``provider`` of all cards. Empty texts are left out; the protocol requires either both organization
    and address or neither."""

    organization: str = ""
    url: str = ""
    documentation_url: str = ""

    def fields(self) -> dict[str, Any]:
        """The card's fields."""
        both = self.organization and self.url
        provider = {"provider": {"organization": self.organization, "url": self.url}} if both else {}
        documentation = {"documentationUrl": self.documentation_url} if self.documentation_url else {}
        return provider | documentation


@dataclass(frozen=True)
class CardFile:
    """A card as served. ``etag`` includes its quotes, ``last_modified`` is an HTTP date."""

    body: bytes
    etag: str
    last_modified: str
    cache_control: str

    @classmethod
    def of(
        cls,
        agent: AgentRevision,
        address: str,
        publisher: Publisher,
        form: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> "CardFile":
        """``address`` is the agent's, without a trailing slash; ``form`` converts the card to another
        version."""
        body = to_bytes(form(agent_card(agent, address, publisher)))
        kept_by = "public" if agent.visibility is Visibility.PUBLIC else "private"
        # derived from the body, because a deployment may change cards without changing agents
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        last_modified = formatdate(agent.updated_at // 1000, usegmt=True)
        return cls(body, etag, last_modified, f"{kept_by}, max-age={MAX_AGE_SECONDS}")

    @property
    def headers(self) -> dict[str, str]:
        """Caching headers of the response."""
        return {"ETag": self.etag, "Last-Modified": self.last_modified, "Cache-Control": self.cache_control}

    def is_known_by(self, if_none_match: str) -> bool:
        """Whether an ``If-None-Match`` header matches it."""
        known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return self.etag in known or "*" in known


def agent_card(agent: AgentRevision, address: str, publisher: Publisher) -> dict[str, Any]:
    """An ``AgentCard`` of A2A 1.0."""
    return {
        "name": agent.name,
        "description": agent.description or agent.name,
        "version": f"1.0.{agent.revision}",
        "supportedInterfaces": interfaces(address),
        "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": True},
        "securitySchemes": {
            "apiKey": {
                "httpAuthSecurityScheme": {
                    "scheme": "Bearer",
                    "description": "An API key of the agent's project: Authorization: Bearer KEY",
                }
            }
        },
        "securityRequirements": [{"schemes": {"apiKey": {"list": []}}}],
        "defaultInputModes": list(INPUT_MODES),
        "defaultOutputModes": ["text/plain"] if agent.output_schema is None else ["application/json"],
        "skills": _skills(agent),
    } | publisher.fields()


def interfaces(address: str) -> list[dict[str, str]]:
    """Interfaces of the agent, in order of preference."""
    ways = (
        ("JSONRPC", "", PROTOCOL_VERSION),
        ("HTTP+JSON", HTTP_JSON_PATH, PROTOCOL_VERSION),
        ("JSONRPC", v03_card.PATH, v03_card.VERSION),
    )
    return [
        {"url": address + path, "protocolBinding": binding, "protocolVersion": version}
        for binding, path, version in ways
    ]


def _skills(agent: AgentRevision) -> list[dict[str, Any]]:
    """Skills of the definition, or one made of its description. The protocol requires a tag for each."""
    given = agent.skills or (
        {"id": agent.agent_id, "name": agent.name, "description": agent.description or agent.name},
    )
    return [_skill(skill) for skill in given]


def _skill(skill: dict[str, Any]) -> dict[str, Any]:
    shown = {name: skill[name] for name in ("id", "name", "description")}
    examples = {"examples": skill["examples"]} if skill.get("examples") else {}
    return shown | {"tags": skill.get("tags") or [skill["id"]]} | examples
