"""One release's functions, in a process of their own: a line of JSON in, a line of JSON out.

A script that runs with the packages of the release that PYTHONPATH names, among them that release's own
template and test support; what it imports of them must not change its meaning from one release to the next.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.integration.support.account import PROJECT, open_account
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.cold_start import LOGICAL_IDS
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.template import environment, table_definition


def make_account(agents: list[dict[str, Any]]) -> dict[str, str]:
    """All that this release's template makes, and agents; what ``!Ref`` gives by logical id."""
    account = open_account(AwsCalls())
    for agent in agents:
        account.add_agent(agent.pop("id"), PROJECT, **agent)
    account.registry.create_project(PROJECT, 1)
    account.registry.set_project(PROJECT, callable_agents=frozenset({"child"}))
    return account.resources


def tables() -> dict[str, Any]:
    """This release's tables, as arguments of ``create_table``."""
    return {name: table_definition(name) for name in ("TasksTable", "RegistryTable")}


def invoke(
    function: str, event: dict[str, Any], resources: dict[str, str], overrides: dict[str, str]
) -> dict[str, Any]:
    """A function's answer; its module is loaded once, with the environment that the template gives it."""
    os.environ.update(environment(LOGICAL_IDS[function], resources) | overrides)
    answer: dict[str, Any] = importlib.import_module(f"functions.{function}.app").handler(
        event, LambdaContext()
    )
    return answer


OPERATIONS: dict[str, Callable[..., Any]] = {"make_account": make_account, "tables": tables, "invoke": invoke}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what functions print
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        try:
            answer = {"answer": OPERATIONS[operation](**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
