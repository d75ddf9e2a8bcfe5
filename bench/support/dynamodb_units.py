"""DynamoDB's billed units for calls that moto answers, by the size of what is written and read.

Items are read before and after each write, since a write is billed by the larger of the two, and its
entries in the indexes are billed as well. Sizes follow the Developer Guide ("Item sizes and formats").
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

WRITE_BYTES, READ_BYTES = 1024, 4096
"""Of one unit."""
STORED_BYTES = 100
"""Storage overhead of each item, and of each entry of an index."""
ITEM_WRITES = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}
"""By operation: the parameter with the item's key."""
IN_TRANSACTION = 2
"""How many times an item's write is billed in a transaction."""
READS = frozenset({"GetItem", "BatchGetItem", "Query"})
KEY = ("pk", "sk")


@dataclass(frozen=True)
class Index:
    """An index of the table: the attributes of its key, and the other attributes in its entries."""

    keys: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> "Index":
        keys = tuple(key["AttributeName"] for key in definition["KeySchema"])
        return cls(keys, tuple(definition["Projection"].get("NonKeyAttributes", ())))

    def has(self, item: Mapping[str, Any]) -> bool:
        """Whether the index has an entry for this item: not if the item lacks one of the key's attributes."""
        return all(name in item for name in self.keys)

    def writes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
        """A changed entry is one write; if its key changes, it is a deletion and a put. All entries
        are below 1 KB here."""
        old, new = (tuple(str(item.get(name)) for name in self.keys) for item in (before, after))
        had, has = self.has(before), self.has(after)
        if not (had and has):
            return had + has
        if old != new:
            return 2
        return int(any(before.get(name) != after.get(name) for name in self.others))

    def stored_bytes(self, item: Mapping[str, Any]) -> int:
        """The size of the item's entry."""
        names = {*KEY, *self.keys, *self.others}
        entry = {name: value for name, value in item.items() if name in names}
        return item_bytes(entry) + STORED_BYTES if self.has(item) else 0


@dataclass
class Units:
    """Units used so far. An eventually consistent read takes half a unit."""

    indexes: tuple[Index, ...]
    writes: float = 0
    reads: float = 0

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Units":
        """For tables with the indexes of this definition. Items of other tables lack the keys of an entry."""
        return cls(tuple(Index.of(each) for each in table["GlobalSecondaryIndexes"]))

    @contextmanager
    def metering(self) -> Iterator[None]:
        """Count every call of DynamoDB's clients in this process while the block runs."""
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if client.meta.service_model.service_name != "dynamodb":
                return original(client, operation, parameters)
            return self.metered(client, operation, parameters, original)

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    def metered(
        self, client: Any, operation: str, parameters: dict[str, Any], call: Callable[..., Any]
    ) -> Any:
        """The response to one call, which is counted. ``call`` makes it; the additional reads of items
        made with ``call`` are not counted."""
        written = list(_written(operation, parameters))
        if not written:
            answer = call(client, operation, parameters)
            if operation in READS:
                self.reads += _read_units(parameters, answer)
            return answer

        def items() -> list[dict[str, Any]]:
            places = ({**place, "ConsistentRead": True} for place in written)
            return [dict(call(client, "GetItem", place).get("Item", {})) for place in places]

        before, times = items(), IN_TRANSACTION if operation == "TransactWriteItems" else 1
        try:
            return call(client, operation, parameters)
        finally:
            for was, is_now in zip(before, items(), strict=True):
                self._count_write(was, is_now, times)

    def take(self) -> tuple[float, float]:
        """The units of writes and of reads since the previous call."""
        taken, self.writes, self.reads = (self.writes, self.reads), 0, 0
        return taken

    def _count_write(self, before: Mapping[str, Any], after: Mapping[str, Any], times: int) -> None:
        """Including a write whose condition was false."""
        self.writes += times * max(1, ceil(max(item_bytes(before), item_bytes(after)) / WRITE_BYTES))
        self.writes += sum(index.writes(before, after) for index in self.indexes)


def _written(operation: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The targets of a write: the tables and keys of its items."""
    if operation in ITEM_WRITES:
        item = parameters[ITEM_WRITES[operation]]
        yield {"TableName": parameters["TableName"], "Key": {name: item[name] for name in KEY}}
    for part in parameters.get("TransactItems", ()):
        for kind, write in part.items():
            yield from _written(f"{kind}Item", write)


def _read_units(parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    if "Responses" in answer:  # each item of a batch is billed separately, and reads here are consistent
        batch = (item for items in answer["Responses"].values() for item in items)
        return sum(ceil(item_bytes(item) / READ_BYTES) for item in batch)
    items = answer.get("Items", [answer.get("Item", {})])
    units = max(1, ceil(sum(map(item_bytes, items)) / READ_BYTES))
    return units if parameters.get("ConsistentRead") else units / 2


def item_bytes(item: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(value: Mapping[str, Any]) -> int:
    match value:
        case {"S": text}:
            return len(text.encode())
        case {"N": number}:
            return ceil(len(number) / 2) + 1
        case {"B": data}:
            return len(data)
        case {"M": members}:
            return 3 + len(members) + item_bytes(members)
        case {"L": elements}:
            return 3 + len(elements) + sum(map(_bytes, elements))
        case {"SS": texts} | {"NS": texts}:
            return sum(len(text.encode()) for text in texts)
        case _:
            return 1
