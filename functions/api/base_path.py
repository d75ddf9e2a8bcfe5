"""Custom domains that map the API to a base path."""

from collections.abc import Mapping
from typing import Any


def below_base_path(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its path relative to the API. A custom domain's base path is part of ``path`` but not of
    ``resource``, so its length is the difference in segments."""
    path, resource = event["path"].rstrip("/"), event["resource"]
    extra = path.count("/") - resource.count("/")
    return {**event, "path": "/" + path.split("/", extra + 1)[-1]} if extra > 0 else dict(event)
