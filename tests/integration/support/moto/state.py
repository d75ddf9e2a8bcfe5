"""What moto holds, kept and put back: a copy of an account costs a tenth of what it costs to make one."""

import copy
import copyreg
import threading
from dataclasses import dataclass
from typing import Any, Self

from moto.core.base_backend import BackendDict
from moto.dynamodb.models import dynamodb_backends

from a2a_tasks.adapters.dynamodb.stored_format import NAME

for make in (threading.RLock, threading.Condition):  # each copy has its own
    copyreg.pickle(type(make()), lambda _, make=make: (make, ()))  # type: ignore[misc]


type Backends = list[tuple[BackendDict[Any], str, str, Any]]


@dataclass(frozen=True)
class MotoState:
    """``backends`` are those of each service, account and region."""

    backends: Backends

    @classmethod
    def now(cls) -> Self:
        """What moto holds at this moment."""
        places = [
            (services, *place)
            for services in list[Any](BackendDict._instances)  # type: ignore[misc]
            for place in services.iter_backends()
        ]
        return cls(_copied(places))

    def put_back(self) -> None:
        """Replace all that moto holds."""
        BackendDict.reset()  # MockAWS.reset would also stop it from answering plain HTTP
        for services, account_id, region, backend in _copied(self.backends):
            services[account_id][region] = backend


def unversioned_items() -> list[dict[str, Any]]:
    """The items of all tables without the version of the stored format. Looked up in moto's own memory, since
    it is done after each test: a scan would take longer than many of them."""
    backends: list[Any] = [backend for *_, backend in dynamodb_backends.iter_backends()]
    tables = [table for backend in backends for table in backend.tables.values()]
    found = [item.attrs for table in tables for item in table.all_items() if NAME not in item.attrs]
    return [{name: value.to_json() for name, value in attributes.items()} for attributes in found]


def _copied(backends: Backends) -> Backends:
    """In one step, since what belongs together must stay so."""
    copies = copy.deepcopy([place[-1] for place in backends])
    return [(*place[:-1], backend) for place, backend in zip(backends, copies, strict=True)]
