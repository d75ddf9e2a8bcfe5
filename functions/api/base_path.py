"""Where a domain of one's own has the API below a path."""

from collections.abc import Mapping
from typing import Any


def below_base_path(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with its path as the routes have it. A domain's base path is in front of ``path``, though not
    of ``resource``, which is the route's; how long it is shows in the number of segments."""
    path, resource = event["path"].rstrip("/"), event["resource"]
    extra = path.count("/") - resource.count("/")
    return {**event, "path": "/" + path.split("/", extra + 1)[-1]} if extra > 0 else dict(event)
