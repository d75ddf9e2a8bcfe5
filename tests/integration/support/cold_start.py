"""The functions' modules, imported as Lambda imports them: environment first, then everything at once."""

import functools
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from tests.integration.support.account import Account
from tests.integration.support.permissions import Role, role_of
from tests.integration.support.template import environment

LOGICAL_IDS = {
    "api": "ApiFunction",
    "a2a": "A2AFunction",
    "authorizer": "AuthorizerFunction",
    "worker": "WorkerFunction",
    "sweeper": "SweeperFunction",
    "cleanup": "CleanupFunction",
    "dead_letter": "DeadLetterFunction",
    "batcher": "BatcherFunction",
    "notifier": "NotifierFunction",
    "wecom": "WecomFunction",
    "webhooks": "WebhooksFunction",
    "wecom_sender": "WecomSenderFunction",
}

MODELS = "functions.api.models"

CLIENTS: dict[str, Any] = {
    name: functools.cache(getattr(clients, name))
    for name in ("dynamodb", "sqs", "s3", "kms", "secretsmanager", "functions")
}
"""Made once in a process: they hold no state of an account, and to make them takes longer than most tests."""


@contextmanager
def cold_start(
    name: str, account: Account, overrides: Mapping[str, str] | None = None
) -> Iterator[ModuleType]:
    """A fresh ``functions/<name>/app.py`` with the environment and the role that the template gives it."""
    variables = environment(LOGICAL_IDS[name], account.resources) | dict(overrides or {})
    module_name = f"functions.{name}.app"
    with patch.dict(os.environ, variables), patch.multiple(clients, **CLIENTS):
        _forget(variables)
        gc.enable()  # a function whose loading failed has left it off
        # frozen, all that earlier tests have left behind would stay for the life of the process
        with patch.object(gc, "freeze"):
            module: Any = importlib.import_module(module_name)
        assert gc.isenabled(), "a function that has loaded collects garbage"
        module.handler = _in_its_role(module.handler, role_of(LOGICAL_IDS[name], account.resources), account)
        if LOGICAL_IDS[name] in account.resources:
            account.calls.functions[account.resources[LOGICAL_IDS[name]]] = module.handler
        try:
            yield module
        finally:
            _spans_of(module).close()
            if name == "worker":
                _shut_down(module, module.executor.loop.model.model.connection)
            if name == "webhooks":
                module._loop.close()
            if name == "wecom_sender":
                module.worker.threads.shutdown()
            if name == "batcher":
                _shut_down(module, module.batcher.results.api.connection)
            # a logger outlives its module, and with it the captured output of the test that made it
            logging.Logger.manager.loggerDict.pop(variables.get("POWERTOOLS_SERVICE_NAME", ""), None)


def _forget(variables: Mapping[str, str]) -> None:
    """Let everything of functions be imported anew, except the API's models: they take most of the time, have
    no state, and read one variable."""
    models = sys.modules.get(f"{MODELS}.fields")
    if models is not None and str(models.MAX_TIMEOUT_MS) != variables.get("MAX_TIMEOUT_MS"):
        models = None
    for name in [name for name in sys.modules if name.startswith("functions.")]:
        if models is None or not name.startswith(MODELS):
            del sys.modules[name]


def _in_its_role[**P, T](handler: Callable[P, T], role: Role, account: Account) -> Callable[P, T]:
    @functools.wraps(handler)
    def handle(*args: P.args, **kwargs: P.kwargs) -> T:
        with account.calls.as_role(role):
            return handler(*args, **kwargs)

    return handle


def _spans_of(module: Any) -> SpanOutlet:
    """Where a function's spans go; also the API's, whose telemetry is in another module."""
    telemetry = getattr(module, "services", module)
    telemetry = getattr(telemetry, "telemetry", None)
    found = getattr(telemetry, "_spans", None) or getattr(telemetry, "spans", None)
    return found or SpanOutlet()


def _shut_down(module: Any, connection: ClaudeConnection) -> None:
    """Close what a function that calls Claude keeps open for the life of its process."""
    module._loop.run(connection.close())
    module._loop.close()
