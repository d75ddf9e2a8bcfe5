"""The deployment that is checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from a2actl.deployment.account import Resource
from a2actl.deployment.deployment import Deployment

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Target:
    """A deployment, with its resources by logical id and the address of its API. ``api_key`` None: none was
    given. ``now`` is in Unix milliseconds."""

    deployment: Deployment
    resources: dict[str, Resource]
    status: str
    api_url: str
    api_key: str | None
    now: int

    @property
    def stage(self) -> str:
        return self.deployment.parameters.get("Stage", "")

    @property
    def is_local(self) -> bool:
        """Whether it is the local stack, which has no alarms, backups or alarm receivers."""
        return self.stage == "local"

    @property
    def has_stand_in(self) -> bool:
        """Whether a stand-in on this machine replaces Claude, which costs nothing."""
        address = urlsplit(self.deployment.parameters.get("ClaudeBaseUrl", ""))
        return self.is_local and address.hostname in LOOPBACK

    @property
    def is_production(self) -> bool:
        return self.stage == "prod"

    def of_kind(self, *kinds: str) -> Iterator[tuple[str, str]]:
        """Resources of these types in CloudFormation's words: logical and physical ids."""
        for logical_id, resource in self.resources.items():
            if resource.kind in kinds:
                yield logical_id, resource.physical_id
