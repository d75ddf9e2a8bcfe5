"""Deliveries of a task's webhooks, as callers get them."""

from typing import Annotated

from pydantic import Field

from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.delivery import DeliveryState
from functions.api.models.fields import ApiModel


class DeliveryView(ApiModel):
    """A change of the task's status, and its delivery to one receiver."""

    config_id: str
    event: Annotated[Status, Field(description="The task's status after the change.")]
    at: Annotated[str, Field(description="Time of the change.")]
    state: Annotated[
        DeliveryState,
        Field(
            description=(
                "`pending`: not attempted yet. `retrying`: an attempt failed, and another "
                "follows. `delivered`. `given_up`: the receiver unsubscribed (410), or did not "
                "accept it in time."
            )
        ),
    ]
    attempts: Annotated[int, Field(description="Requests to the receiver.")]
    last_attempt_at: str | None = None
    last_status: Annotated[int | None, Field(description="The receiver's last HTTP status.")] = None
    last_error: str | None = None
    next_attempt_at: Annotated[
        str | None,
        Field(
            description=("Earliest time of the next attempt; later if other deliveries to the receiver fail.")
        ),
    ] = None


class DeliveryList(ApiModel):
    """By time: at most the last 500, of the last 30 days."""

    deliveries: list[DeliveryView]
