"""The environments of samconfig.toml."""

import tomllib
from typing import Any

from local.tools import ROOT

PATH = ROOT / "samconfig.toml"


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
