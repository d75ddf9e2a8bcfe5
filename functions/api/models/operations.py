"""Errors, and the API's health."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from functions.api.models.fields import ApiModel


class FieldError(ApiModel):
    field: str
    message: str


class ErrorBody(ApiModel):
    """Every error: what is wrong and how to fix it, and a code to branch on."""

    error: str
    code: str
    details: list[FieldError] | None = None
    task_id: Annotated[
        str | None, Field(description="The task that ended, if a message's answer was waited for.")
    ] = None


class Health(ApiModel):
    status: Literal["ok"]
