"""Errors, and the API's health."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from functions.api.models.fields import Model


class FieldError(Model):
    field: str
    message: str


class ErrorBody(Model):
    """Every error: what went wrong and what to change, and a code to branch on."""

    error: str
    code: str
    details: list[FieldError] | None = None
    task_id: Annotated[
        str | None, Field(description="The task whose end this tells, where a message was waited for.")
    ] = None


class Health(Model):
    status: Literal["ok"]
