"""The functions' modules, imported as Lambda imports them: environment first, then everything at once."""

import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from tests.integration.account import Account
from tests.integration.template import environment

LOGICAL_IDS = {
    "api": "ApiFunction",
    "authorizer": "AuthorizerFunction",
    "worker": "WorkerFunction",
    "sweeper": "SweeperFunction",
    "cleanup": "CleanupFunction",
    "dead_letter": "DeadLetterFunction",
}


@contextmanager
def cold_start(
    name: str, account: Account, overrides: Mapping[str, str] | None = None
) -> Iterator[ModuleType]:
    """A fresh ``functions/<name>/app.py`` with the environment that the template gives it."""
    variables = environment(LOGICAL_IDS[name], account.resources) | dict(overrides or {})
    module_name = f"functions.{name}.app"
    with patch.dict(os.environ, variables):
        for imported in [name for name in sys.modules if name.startswith("functions.")]:
            del sys.modules[imported]
        module = importlib.import_module(module_name)
        try:
            yield module
        finally:
            if name == "worker":
                _shut_down(module)
            # a logger outlives its module, and with it the captured output of the test that made it
            logging.Logger.manager.loggerDict.pop(variables["POWERTOOLS_SERVICE_NAME"], None)


def _shut_down(worker: Any) -> None:
    """Close what a worker keeps open for the life of its process."""
    for client in worker.executor.model._clients.values():
        worker._loop.run(client.close())
    worker._loop.close()
