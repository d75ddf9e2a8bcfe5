"""Table-driven conversion between objects of A2A 0.3 and 1.0.

A codec converts one kind of value: *old* is the 0.3 form, *new* that of 1.0. Values are plain JSON. Upgraded
values come from clients and are validated; downgraded ones are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from a2a_tasks.a2a.errors import A2AError


class Codec(Protocol):
    """Converts one kind of value."""

    def upgrade(self, value: Any, place: str) -> Any:
        """The new form; None leaves the value out. Raises ``A2AError``, with the path as the client wrote
        it."""
        ...

    def downgrade(self, value: Any) -> Any:
        """The old form; None leaves the value out."""
        ...


class IdentityCodec:
    """Identical in both forms."""

    def upgrade(self, value: Any, _place: str) -> Any:
        return value

    def downgrade(self, value: Any) -> Any:
        return value


IDENTITY = IdentityCodec()


@dataclass(frozen=True)
class TextCodec:
    """Text, identical in both forms. An empty ``optional`` one is left out."""

    optional: bool = False

    def upgrade(self, value: Any, place: str) -> str | None:
        if not isinstance(value, str):
            raise A2AError.invalid(place, "must be text")
        return value if value or not self.optional else None

    def downgrade(self, value: Any) -> Any:
        return value


TEXT = TextCodec()
OPTIONAL_TEXT = TextCodec(optional=True)


@dataclass(frozen=True)
class EnumCodec:
    """An enumeration, by old names. ``unknown`` replaces new values that have no old name."""

    old: Mapping[str, str]
    unknown: str

    def upgrade(self, value: Any, place: str) -> str:
        for new, old in self.old.items():
            if old == value:
                return new
        raise A2AError.invalid(place, f"must be one of {', '.join(self.old.values())}")

    def downgrade(self, value: Any) -> str:
        return self.old.get(value, self.unknown)


@dataclass(frozen=True)
class ListCodec:
    """A list of values of one kind."""

    codec: Codec

    def upgrade(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise A2AError.invalid(place, "must be a list")
        return [self.codec.upgrade(item, f"{place}[{number}]") for number, item in enumerate(value)]

    def downgrade(self, value: Any) -> list[Any]:
        return [self.codec.downgrade(item) for item in value]


@dataclass(frozen=True)
class Field:
    """A field of a record. ``new`` is its new name if that differs. ``empty`` is written if the old form
    requires a field that the new one lacks."""

    old: str
    codec: Codec = IDENTITY
    new: str = ""
    required: bool = False
    empty: Any = None

    @property
    def new_name(self) -> str:
        """Its name in 1.0."""
        return self.new or self.old


@dataclass(frozen=True)
class ObjectCodec:
    """An object with these fields; others are dropped. ``kind`` is its discriminator in the old form."""

    fields: Sequence[Field]
    kind: str | None = None

    def upgrade(self, value: Any, place: str) -> dict[str, Any]:
        known = object_at(value, place)
        upgraded: dict[str, Any] = {}
        for field in self.fields:
            found = known.get(field.old)
            if found is None and field.required:
                raise A2AError.invalid(within(place, field.old), "is required")
            # an empty text is what the old form has for a field that is missing and must be there
            if found is None or found == field.empty:
                continue
            new = field.codec.upgrade(found, within(place, field.old))
            if new is not None:
                upgraded[field.new_name] = new
        return upgraded

    def downgrade(self, value: Any) -> dict[str, Any]:
        downgraded: dict[str, Any] = {} if self.kind is None else {"kind": self.kind}
        for field in self.fields:
            found = value.get(field.new_name)
            old = field.empty if found is None else field.codec.downgrade(found)
            if old is not None:
                downgraded[field.old] = old
        return downgraded


def object_at(value: Any, place: str) -> dict[str, Any]:
    """The value, which must be an object. Raises ``A2AError``."""
    if not isinstance(value, dict):
        raise A2AError.invalid(place or "params", "must be an object")
    return value


def within(place: str, field: str) -> str:
    """The path of a field of the object at ``place``; the root has the path ``""``."""
    return f"{place}.{field}" if place else field
