"""Short cuts through how botocore makes a session and a client, a third of the time of a command on moto."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.hooks import EventAliaser, NodeList
from botocore.loaders import create_loader


@contextmanager
def quick_sdk() -> Iterator[None]:
    """Models of services are read once in a process instead of once a session, and the names of events are
    worked out once instead of for each client. Its hooks are copied without ``copy.copy``."""
    names: dict[str, str] = {}
    make = EventAliaser.__init__

    def make_with_names(aliaser: Any, *args: Any, **kwargs: Any) -> None:
        make(aliaser, *args, **kwargs)
        aliaser._alias_name_cache = names  # every aliaser of the SDK has the same aliases

    with (
        patch.object(botocore.session, "create_loader", functools.cache(create_loader)),
        patch.object(EventAliaser, "__init__", make_with_names),
        patch.object(NodeList, "__copy__", _copied),
    ):
        yield


def _copied(nodes: Any) -> Any:
    return NodeList(nodes.first.copy(), nodes.middle.copy(), nodes.last.copy())
