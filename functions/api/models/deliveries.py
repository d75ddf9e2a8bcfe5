"""Deliveries of a task's webhooks, as callers get them."""

from typing import Annotated

from pydantic import Field

from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.delivery import DeliveryState
from functions.api.models.fields import Model


class DeliveryView(Model):
    """A change of the task's status, and what became of telling one receiver."""

    config_id: str
    event: Annotated[Status, Field(description="The status that the task came to.")]
    at: Annotated[str, Field(description="When it did.")]
    state: Annotated[
        DeliveryState,
        Field(
            description="`pending`: not tried yet. `retrying`: tried in vain, and tried again. `delivered`. "
            "`given_up`: the receiver unsubscribed (410), or did not accept it in time."
        ),
    ]
    attempts: Annotated[int, Field(description="Requests to the receiver.")]
    last_attempt_at: str | None = None
    last_status: Annotated[int | None, Field(description="The receiver's last HTTP status.")] = None
    last_error: str | None = None
    next_attempt_at: Annotated[
        str | None, Field(description="Not before then; later where other deliveries to it fail.")
    ] = None


class DeliveryList(Model):
    """By time: at most the last 500, and none of more than 30 days ago."""

    deliveries: list[DeliveryView]
