"""The agent card of A2A 0.3 is that of 1.0 in the older form; the protocol's own SDK is the judge."""

from typing import Any

from a2a.compat.v0_3 import conversions, types
from a2a.types import a2a_pb2
from google.protobuf.json_format import ParseDict
from pydantic import BaseModel

from a2a_tasks.a2a.v03.card import card_view

FLOW = {"tokenUrl": "https://example.com/t", "scopes": {"a": "A"}}
CARD: dict[str, Any] = {
    "name": "Assistant",
    "description": "Helps.",
    "version": "1.0.7",
    "supportedInterfaces": [
        {"url": "https://example.com/a2a/x", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "https://example.com/a2a/x/v1", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": "https://example.com/a2a/x/v0.3", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
    ],
    "provider": {"organization": "Example", "url": "https://example.com"},
    "documentationUrl": "https://example.com/docs",
    "iconUrl": "https://example.com/icon.png",
    "capabilities": {
        "streaming": False,
        "pushNotifications": True,
        "extendedAgentCard": True,
        "extensions": [{"uri": "https://example.com/e", "description": "E", "required": False}],
    },
    "securitySchemes": {
        "key": {"apiKeySecurityScheme": {"location": "header", "name": "x-api-key", "description": "K"}},
        "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
        "oauth": {"oauth2SecurityScheme": {"flows": {"clientCredentials": FLOW}}},
        "oidc": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://example.com/o"}},
        "mtls": {"mtlsSecurityScheme": {}},
    },
    "securityRequirements": [
        {"schemes": {"key": {"list": []}}},
        {"schemes": {"oauth": {"list": ["a"]}, "mtls": {}}},
    ],
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain", "application/json"],
    "skills": [
        {
            "id": "help",
            "name": "Help",
            "description": "Helps.",
            "tags": ["help"],
            "examples": ["Help!"],
            "inputModes": ["text/plain"],
            "outputModes": ["text/plain"],
            "securityRequirements": [{"schemes": {"bearer": {"list": []}}}],
        }
    ],
}


def on_the_wire(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_a_card_is_what_the_sdk_makes_of_it() -> None:
    judged = on_the_wire(conversions.to_compat_agent_card(ParseDict(CARD, a2a_pb2.AgentCard())))
    view = card_view(CARD)
    # which the SDK leaves out, or shortens
    assert view.pop("protocolVersion").startswith(judged.pop("protocolVersion"))
    assert view.pop("additionalInterfaces") == [{"url": view["url"], "transport": "JSONRPC"}]
    assert view["capabilities"].pop("stateTransitionHistory") is False
    assert view == judged


def test_it_is_all_that_the_old_form_asks_for() -> None:
    view = card_view(CARD)
    assert on_the_wire(types.AgentCard.model_validate(view)) == view


def test_what_a_card_does_not_have_is_left_out() -> None:
    optional = ("provider", "documentationUrl", "iconUrl", "securitySchemes", "securityRequirements")
    view = card_view({name: value for name, value in CARD.items() if name not in optional})
    assert on_the_wire(types.AgentCard.model_validate(view)) == view
