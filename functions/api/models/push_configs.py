"""Push notification configurations, as callers send and get them."""

from typing import Annotated

from pydantic import (
    ConfigDict,
    Field,
)

from a2a_tasks.domain.webhooks.push import MAX_SECRETS
from a2a_tasks.domain.webhooks.target import MAX_URL
from functions.api.models.fields import ApiModel


class NewPushAuthentication(ApiModel):
    """The `Authorization` header for the receiver: `{scheme} {credentials}`."""

    model_config = ConfigDict(extra="forbid")

    scheme: Annotated[str, Field(min_length=1, max_length=64, description="Such as `Bearer`.")]
    credentials: Annotated[
        str | None, Field(max_length=4_000, description="Kept encrypted, and never shown again.")
    ] = None


class NewPushConfig(ApiModel):
    """Where a task's changes are sent."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"url": "https://example.com/hook", "token": "t0ken"}}
    )

    id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="Letters, digits, `_`, `.`, `~` and `-`; generated if left out.",
        ),
    ] = None
    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_URL,
            description="An https address on the internet, with port 443 or one from 1024.",
        ),
    ]
    token: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=4_000,
            description=(
                "Comes back in `X-A2A-Notification-Token`. Kept encrypted, and never shown again; with the "
                f"credentials at most about {MAX_SECRETS} bytes."
            ),
        ),
    ] = None
    authentication: NewPushAuthentication | None = None


class PushAuthentication(ApiModel):
    scheme: str


class PushConfigView(ApiModel):
    """Where a task's changes are sent. Token and credentials are never shown."""

    id: str
    task_id: str
    url: str
    authentication: PushAuthentication | None = None


class PushConfigList(ApiModel):
    """Sorted by id."""

    configs: list[PushConfigView]


class Deleted(ApiModel):
    """Nothing more to say."""
