"""Commands that have many options in common."""

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from functools import wraps
from typing import Any, get_type_hints


def spread[R](command: Callable[..., R]) -> Callable[..., R]:
    """The command with an option for each field of the dataclass that its parameter ``settings`` takes.

    Each field is annotated as a parameter of a command would be, and has a default.
    """
    signature = inspect.signature(command, eval_str=True)
    settings: type[Any] = signature.parameters["settings"].annotation
    hints = get_type_hints(settings, include_extras=True)
    names = [field.name for field in fields(settings)]

    @wraps(command)
    def spread_command(**given: Any) -> R:
        return command(settings=settings(**{name: given.pop(name) for name in names}), **given)

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == "settings":
            parameters += [_option(field, hints[field.name]) for field in fields(settings)]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    # what Typer reads
    spread_command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    spread_command.__annotations__ = {each.name: each.annotation for each in parameters}
    return spread_command


def _option(field: Field[Any], annotation: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, kind, default=field.default, annotation=annotation)
