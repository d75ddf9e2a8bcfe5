"""Conditional writes, put together from their parts: no store writes expressions and placeholders by hand.

In every text that is given here ``#name`` is the attribute of that name, which may be one of DynamoDB's
reserved words, and ``:name`` a value that is given beside it. No value's name is given twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from a2a_tasks.adapters.dynamodb.attributes import to_attributes

_NAME = re.compile(r"#(\w+)")


@dataclass(frozen=True)
class ItemCondition:
    """What must be true of the item for a write to be made. ``names`` has the attributes whose names no
    placeholder can have."""

    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[tuple[str, ...], ...] = ()

    def when(self, *alternatives: str, **values: Any) -> Self:
        """One of the alternatives must be true, and all that was asked before."""
        return replace(self, conditions=(*self.conditions, alternatives), values=self._with(values))

    def arguments(self) -> dict[str, Any]:
        """The arguments of a client's call, or of one write of a transaction."""
        return self._placed({"ConditionExpression": self._condition()})

    def _condition(self) -> str:
        """In parentheses only where they are needed: DynamoDB refuses redundant ones."""
        are_several = len(self.conditions) > 1
        texts = ((" OR ".join(either), len(either) > 1 and are_several) for either in self.conditions)
        return " AND ".join(f"({text})" if is_apart else text for text, is_apart in texts)

    def _with(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if twice := self.values.keys() & values.keys():
            raise ValueError(f"values are given twice: {', '.join(sorted(twice))}")
        return {**self.values, **values}

    def _placed(self, expressions: Mapping[str, str]) -> dict[str, Any]:
        """The expressions that there are, with what their placeholders stand for: DynamoDB refuses empty
        ones, and placeholders that nothing uses."""
        used = sorted({name for text in expressions.values() for name in _NAME.findall(text)})
        parts: dict[str, Any] = {
            **expressions,
            "ExpressionAttributeNames": {f"#{name}": self.names.get(name, name) for name in used},
            "ExpressionAttributeValues": to_attributes({f":{k}": v for k, v in self.values.items()}),
        }
        return {argument: part for argument, part in parts.items() if part}


@dataclass(frozen=True)
class ItemUpdate(ItemCondition):
    """Changes of one item, all of them or none. Without a condition it creates an item that is not there."""

    sets: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()

    def set(self, **values: Any) -> Self:
        """Set attributes. One whose value is None stays as it is."""
        given = {name: value for name, value in values.items() if value is not None}
        return self.assign(*(f"#{name} = :{name}" for name in given), **given)

    def set_or_remove(self, **values: Any) -> Self:
        """Set attributes, and remove those whose value is None."""
        return self.set(**values).remove(*(name for name, value in values.items() if value is None))

    def assign(self, *assignments: str, **values: Any) -> Self:
        """Set what an expression says: a place in a list or a map, or a value made from the one there."""
        return replace(self, sets=(*self.sets, *assignments), values=self._with(values))

    def add(self, **values: Any) -> Self:
        """Add to numbers and sets; one that is not there yet begins with the value."""
        return replace(self, adds=(*self.adds, *(f"#{n} :{n}" for n in values)), values=self._with(values))

    def remove(self, *paths: str) -> Self:
        """Remove attributes, or what is at places in lists and maps."""
        removed = (f"#{path}" if path.isidentifier() else path for path in paths)
        return replace(self, removes=(*self.removes, *removed))

    def arguments(self) -> dict[str, Any]:
        clauses = {"SET": self.sets, "ADD": self.adds, "REMOVE": self.removes}
        changes = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)
        return self._placed({"UpdateExpression": changes, "ConditionExpression": self._condition()})


def when(*alternatives: str, **values: Any) -> ItemCondition:
    """The condition of a put or a delete: one of the alternatives must be true."""
    return ItemCondition().when(*alternatives, **values)
