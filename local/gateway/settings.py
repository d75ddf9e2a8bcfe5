"""The deployment's settings for the gateway."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

INTEGRATION = "x-amazon-apigateway-integration"
DEFAULT_TIMEOUT_MS = 29_000
"""Of an integration (Amazon API Gateway Developer Guide, quotas)."""
LAYER = re.compile(r"(?P<folder>\w+?)[0-9a-f]{10}")
"""SAM's logical id of a layer's version: the layer's own and a hash (AWS SAM Developer Guide, "Generated
resources")."""


@dataclass(frozen=True)
class StreamingRoute:
    """A method of a resource, such as `/a2a/{agentId}`, whose function streams. `function` is its name, and
    `alias` is the alias that is called; `code` and `layers` are the folders of the build that contain it, the
    first layer first."""

    method: str
    resource: str
    function: str
    alias: str
    code: str
    layers: tuple[str, ...]
    timeout_seconds: float


@dataclass(frozen=True)
class Settings:
    """`api_url` is the emulator's address of the API, without the stage; `python` runs the functions, which
    reach AWS at `endpoint_url`."""

    api_url: str
    api_id: str
    build: Path
    python: str
    endpoint_url: str
    routes: tuple[StreamingRoute, ...]

    def route(self, method: str, resource: str) -> StreamingRoute:
        """Raises LookupError if the route does not stream."""
        for route in self.routes:
            if (route.method, route.resource) == (method, resource):
                return route
        raise LookupError(f"{method} {resource} does not stream")

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self) | {"build": str(self.build)}, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Reads what `save` wrote. Raises FileNotFoundError if nothing was deployed."""
        saved = json.loads(path.read_text())
        routes = tuple(
            StreamingRoute(**route | {"layers": tuple(route["layers"])}) for route in saved.pop("routes")
        )
        return cls(**saved | {"build": Path(saved["build"]), "routes": routes})


def streaming_routes(template: Mapping[str, Any], functions: Mapping[str, str]) -> Iterator[StreamingRoute]:
    """The deployed template's routes that stream; `functions` maps logical ids to the functions' names."""
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::ApiGateway::RestApi":
            continue
        for path, verbs in resource["Properties"]["Body"]["paths"].items():
            for verb, method in verbs.items():
                integration = method.get(INTEGRATION, {}) if isinstance(method, Mapping) else {}
                if integration.get("responseTransferMode") == "STREAM":
                    yield _route(verb, path, integration, template, functions)


def _route(
    verb: str,
    path: str,
    integration: Mapping[str, Any],
    template: Mapping[str, Any],
    functions: Mapping[str, str],
) -> StreamingRoute:
    uri = integration["uri"]["Fn::Sub"]
    (alias,) = (
        resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Alias" and f"${{{name}}}" in uri
    )
    logical_id = alias["FunctionName"]["Ref"]
    timeout_ms = int(integration.get("timeoutInMillis", DEFAULT_TIMEOUT_MS))
    layers = template["Resources"][logical_id]["Properties"]["Layers"]
    return StreamingRoute(
        verb.upper(),
        path,
        functions[logical_id],
        alias["Name"],
        logical_id,
        tuple(_folder(layer["Ref"]) for layer in layers),
        timeout_ms / 1000,
    )


def _folder(version: str) -> str:
    found = LAYER.fullmatch(version)
    if found is None:
        raise LookupError(f"{version} is no version of a layer that SAM has built")
    return found["folder"]
