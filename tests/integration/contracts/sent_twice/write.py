"""One write of a store, made once and made twice: the SDK repeats a call whose response was lost."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import a2actl
from a2a_tasks import adapters
from a2a_tasks.adapters.dynamodb.store import Store
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
_CALLS = {"put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item"}
_TABLES = ("TasksTable", "RegistryTable")
_MANY = 100
"""Writes of one method at most."""


@dataclass(frozen=True)
class Write:
    """A call of a method that writes, in the state that ``before`` makes."""

    method: str
    """``Class.method``, as it is defined."""
    call: Callable[[Account], object]
    before: Callable[[Account], object] = lambda _: None
    harmless: str = ""
    """Why it may return or store something else if it is repeated; without a reason it must not."""


@dataclass(frozen=True)
class Outcome:
    returned: object
    items: dict[str, list[dict[str, Any]]]
    """All items there are then, by table."""


def outcome_of(write: Write, account: Account, *, is_repeated: bool) -> Outcome:
    """What comes of a write in a new account."""
    _empty(account)
    write.before(account)
    for operation in WRITES if is_repeated else ():
        account.calls.fail(operation, Fault.SENT_TWICE, _MANY)
    returned = write.call(account)
    account.calls.fail_no_more()
    return Outcome(returned, {name: _items(account, name) for name in _TABLES})


_PRODUCT = (f"{adapters.__name__}.", f"{a2actl.__name__}.")


def writing_methods() -> set[str]:
    """All public methods of stores on DynamoDB that write, by their code."""
    for package in (adapters, a2actl):
        _import_all(package)
    return {
        f"{store.__name__}.{name}"
        for store in _subclasses(Store)
        if store.__module__.startswith(_PRODUCT)  # tests of this process may have stores of their own
        for name, method in vars(store).items()
        if not name.startswith("_") and inspect.isfunction(method) and _writes(store, name, set())
    }


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def _subclasses(store: type[Any]) -> Iterator[type[Any]]:
    for subclass in store.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _writes(store: type, name: str, seen: set[str]) -> bool:
    """Whether a method calls one of the client's that write, itself or through another of its store's."""
    seen.add(name)
    method = getattr(store, name, None)
    if not inspect.isfunction(method):
        return False
    code = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method))))
    named = {node.attr for node in code if isinstance(node, ast.Attribute)}
    return bool(named & _CALLS) or any(_writes(store, other, seen) for other in named - seen)


def _empty(account: Account) -> None:
    for name in _TABLES:
        for item in _items(account, name):
            key = {"pk": item["pk"], "sk": item["sk"]}
            account.dynamodb.delete_item(TableName=account.resources[name], Key=key)


def _items(account: Account, name: str) -> list[Any]:
    found: list[Any] = account.dynamodb.scan(TableName=account.resources[name])["Items"]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
