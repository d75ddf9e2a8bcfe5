"""The agent card of A2A 0.3, converted from that of 1.0."""

from collections.abc import Mapping
from typing import Any

VERSION = "0.3"
"""Version of the interface in a 1.0 card."""
PATH = "/v0.3"
"""Path of the 0.3 interface below an agent's address."""
WELL_KNOWN = (f"{PATH}/.well-known/agent-card.json", f"{PATH}/.well-known/agent.json")
"""Paths of the card: since 0.3, and before."""
# Signatures are not: they are of the card in its 1.0 form.
SHARED = (
    "name",
    "description",
    "version",
    "provider",
    "documentationUrl",
    "iconUrl",
    "defaultInputModes",
    "defaultOutputModes",
)
SHARED_CAPABILITIES = ("streaming", "pushNotifications", "extensions")
SHARED_IN_SKILLS = ("id", "name", "description", "tags", "examples", "inputModes", "outputModes")
# By the field that 1.0 has a scheme in: the type that OpenAPI, and so 0.3, gives it.
SCHEME_TYPES = {
    "apiKeySecurityScheme": "apiKey",
    "httpAuthSecurityScheme": "http",
    "oauth2SecurityScheme": "oauth2",
    "openIdConnectSecurityScheme": "openIdConnect",
    "mtlsSecurityScheme": "mutualTLS",
}
RENAMED_IN_SCHEMES = {"location": "in"}


def card_view(card: Mapping[str, Any]) -> dict[str, Any]:
    """A 0.3 ``AgentCard`` from a 1.0 one that lists the 0.3 interface."""
    interface = next(each for each in card["supportedInterfaces"] if each["protocolVersion"] == VERSION)
    url, transport = interface["url"], interface["protocolBinding"]
    capabilities = card["capabilities"]
    view = {
        "protocolVersion": f"{VERSION}.0",
        "url": url,
        "preferredTransport": transport,
        "additionalInterfaces": [{"url": url, "transport": transport}],
        "capabilities": _shared(capabilities, SHARED_CAPABILITIES) | {"stateTransitionHistory": False},
        "skills": [_skill(skill) for skill in card["skills"]],
        "supportsAuthenticatedExtendedCard": capabilities.get("extendedAgentCard", False),
    }
    if schemes := card.get("securitySchemes"):
        view["securitySchemes"] = {name: _scheme(scheme) for name, scheme in schemes.items()}
    return _shared(card, SHARED) | view | _security(card)


def _shared(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def _skill(skill: Mapping[str, Any]) -> dict[str, Any]:
    return _shared(skill, SHARED_IN_SKILLS) | _security(skill)


def _security(value: Mapping[str, Any]) -> dict[str, Any]:
    """Alternatives, each with the schemes that it requires and their scopes."""
    if not (requirements := value.get("securityRequirements")):
        return {}
    return {
        "security": [
            {name: list(scopes.get("list", ())) for name, scopes in requirement["schemes"].items()}
            for requirement in requirements
        ]
    }


def _scheme(scheme: Mapping[str, Any]) -> dict[str, Any]:
    ((name, known),) = scheme.items()
    renamed = {RENAMED_IN_SCHEMES.get(field, field): value for field, value in known.items()}
    return {"type": SCHEME_TYPES[name]} | renamed
