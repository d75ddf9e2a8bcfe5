"""Temporarily another configuration of a function: callers use its alias, and versions have their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.smoke.target import Target
from tests.smoke.time_limit import TimeLimit

ALIAS = "live"


def live_configuration(target: Target, function: str) -> dict[str, Any]:
    """The configuration of the version that callers use."""
    found: dict[str, Any] = target.client("lambda").get_function_configuration(
        FunctionName=target.function(function), Qualifier=ALIAS
    )
    return found


@contextmanager
def reconfigured(
    target: Target, function: str, time_limit: TimeLimit, seconds: float, **configuration: Any
) -> Iterator[None]:
    """For the length of the block a version with this configuration is live, in new environments; then the
    one that was before."""
    client, name = target.client("lambda"), target.function(function)
    before = client.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
    found = live_configuration(target, function)
    own = {key: found.get(key, "") for key in configuration}
    try:
        version = publish(target, function, time_limit, seconds, **configuration)
        client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        yield
    finally:
        client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=before)
        client.update_function_configuration(FunctionName=name, **own)


def publish(
    target: Target, function: str, time_limit: TimeLimit, seconds: float, **configuration: Any
) -> str:
    """The number of a new version with this configuration, which is not called yet."""
    client, name = target.client("lambda"), target.function(function)
    client.update_function_configuration(FunctionName=name, **configuration)
    time_limit.until(
        lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] != "InProgress",
        seconds,
        f"the new configuration of {name}",
    )
    version: str = client.publish_version(FunctionName=name)["Version"]
    time_limit.until(
        lambda: client.get_function_configuration(FunctionName=name, Qualifier=version)["State"] == "Active",
        seconds,
        f"version {version} of {name}",
    )
    return version
