"""The environments of samconfig.toml."""

import json
import tomllib
from typing import Any

from a2a_tasks.domain.pricing.overrides import with_overrides
from a2a_tasks.domain.pricing.table import TABLE
from local.tools import ROOT

_PRICES = "ModelPrices"
PATH = ROOT / "samconfig.toml"


def environments() -> list[str]:
    """The names of all environments, in the order of the file."""
    with PATH.open("rb") as file:
        return [name for name, entry in tomllib.load(file).items() if isinstance(entry, dict)]


def samconfig(environment: str) -> dict[str, dict[str, dict[str, Any]]]:
    """An environment's settings by command. Raises LookupError if there is no such environment."""
    with PATH.open("rb") as file:
        environments: dict[str, dict[str, dict[str, dict[str, Any]]]] = tomllib.load(file)
    try:
        return environments[environment]
    except KeyError:
        raise LookupError(f"samconfig.toml has no environment {environment!r}.") from None


def template_parameters(environment: str) -> dict[str, str]:
    """The template's parameters, by name, as an environment sets them."""
    listed = samconfig(environment)["deploy"]["parameters"]["parameter_overrides"]
    return dict(entry.split("=", 1) for entry in listed)


def sam_arguments(environment: str) -> list[str]:
    """The same as words for `sam deploy --parameter-overrides`, which takes a quotation mark in a value for
    the value's end unless it is escaped. A value that is already quoted is left unchanged.

    Raises BadPrices for a ModelPrices with which no worker would start, and LookupError.
    """
    parameters = template_parameters(environment)
    if (prices := parameters.get(_PRICES, "")) and not prices.startswith('"'):
        with_overrides(TABLE, prices)
        # the shell splits words at spaces
        parameters[_PRICES] = json.dumps(json.dumps(json.loads(prices), separators=(",", ":")))
    return [f"{name}={value}" for name, value in parameters.items()]
