"""Short cuts through how botocore makes a session and a client, half the time of a command on moto."""

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore import compat, hooks, regions
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser, NodeList
from botocore.loaders import create_loader


@contextmanager
def quick_sdk() -> Iterator[None]:
    """Models of services are read once in a process instead of once a session, and a service's methods, its
    rules for endpoints and the names of events are worked out once instead of for each client. Its hooks are
    copied without ``copy.copy``, and looked at without ``inspect``."""
    names: dict[str, str] = {}
    make = EventAliaser.__init__

    def make_with_names(aliaser: Any, *args: Any, **kwargs: Any) -> None:
        make(aliaser, *args, **kwargs)
        aliaser._alias_name_cache = names  # every aliaser of the SDK has the same aliases

    create: Any = ClientCreator._create_methods  # type: ignore[attr-defined]
    methods: dict[str, Any] = {}
    providers: dict[int, EndpointProvider] = {}

    def create_once(creator: Any, service_model: Any) -> Any:
        name = service_model.service_name
        if name not in methods:
            methods[name] = create(creator, service_model)
        return methods[name].copy()

    def provide_once(ruleset_data: Any, **kwargs: Any) -> EndpointProvider:
        key = id(ruleset_data)  # the one loader keeps it
        if key not in providers:
            providers[key] = EndpointProvider(ruleset_data, **kwargs)
        return providers[key]

    with (
        patch.object(ClientCreator, "_create_methods", create_once),
        patch.object(regions, "EndpointProvider", provide_once),
        patch.object(hooks, "accepts_kwargs", accepts_kwargs),
        patch.object(botocore.session, "create_loader", functools.cache(create_loader)),
        patch.object(EventAliaser, "__init__", make_with_names),
        patch.object(NodeList, "__copy__", _copied),
    ):
        yield


def accepts_kwargs(handler: Any) -> Any:
    """What ``botocore.compat`` has under this name."""
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    return code.co_flags & inspect.CO_VARKEYWORDS if code else compat.accepts_kwargs(handler)


def _copied(nodes: Any) -> Any:
    return NodeList(nodes.first.copy(), nodes.middle.copy(), nodes.last.copy())
