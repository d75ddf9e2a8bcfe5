"""The paces of models, in the tasks' table: one small item a model and key, there only after an overload."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain.overload.pace import Pace, PaceKey
from a2a_tasks.ports.model import PaceTurn

KEPT_SECONDS = 24 * 3600
"""Time to live of an unused pace, which has no effect by then."""


@dataclass(frozen=True)
class DynamoDBPaces(Store):
    """``PaceStore``."""

    def pace(self, pace_key: PaceKey) -> Pace | None:
        return _pace(self._get(_key(pace_key)))

    def put(self, pace_key: PaceKey, seen: Pace | None, pace: Pace) -> Pace | None:
        """Protects what another worker has learned since: of many calls that are turned away at a moment one
        makes the pace slower."""
        update = _if_as_seen(seen).set(
            gapMs=pace.gap_ms,
            setAt=pace.set_at,
            nextAt=pace.next_at,
            overloaded=pace.is_overloaded,
            ttl=pace.set_at // 1000 + KEPT_SECONDS,
        )
        return self._change(pace_key, update.set_or_remove(takenAt=pace.taken_at)).pace

    def take(self, pace_key: PaceKey, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        """Protects the pace, whoever starts calls at the same moment: each goes by the one before."""
        next_at = now + seen.count_at(now) * seen.gap_at(now)
        update = _if_as_seen(seen).set(nextAt=next_at, ttl=now // 1000 + KEPT_SECONDS)
        # only one of several concurrent calls moves this on; the others are refused and wait by the stored
        # pace. So does one whose write the SDK repeats: it is too slow by a turn, which is safe
        update = update.when("nextAt <= :now", now=now)
        if not is_urgent:
            update = update.when("attribute_not_exists(urgentUntil)", "urgentUntil <= :now")
        return self._change(pace_key, update)

    def note_urgent(self, pace_key: PaceKey, until: int) -> None:
        """Protects against a pace that is gone: only what is there changes."""
        self._update(_key(pace_key), ItemUpdate().set(urgentUntil=until).when("attribute_exists(setAt)"))

    def _change(self, pace_key: PaceKey, update: ItemUpdate) -> PaceTurn:
        is_made, item = self._update(_key(pace_key), update, "ALL_NEW")
        return PaceTurn(is_made, _pace(item))


def _if_as_seen(seen: Pace | None) -> ItemUpdate:
    """An update on the condition that the pace was neither replaced nor started to recover."""
    if seen is None:
        return ItemUpdate().when("attribute_not_exists(setAt)")
    # not compared by ``nextAt``, which every call moves
    update = ItemUpdate().when("setAt = :seen", seen=seen.set_at)
    if seen.taken_at is None:
        return update.when("attribute_not_exists(takenAt)")
    return update.when("takenAt = :seenTaken", seenTaken=seen.taken_at)


def _key(pace_key: PaceKey) -> Item:
    return {"pk": f"PACE#{pace_key.model}#{pace_key.key}", "sk": "PACE"}


def _pace(values: Item | None) -> Pace | None:
    if not values:
        return None
    return Pace(
        gap_ms=int(values["gapMs"]),
        set_at=int(values["setAt"]),
        next_at=int(values["nextAt"]),
        taken_at=int(values["takenAt"]) if "takenAt" in values else None,
        is_overloaded=bool(values["overloaded"]),
        urgent_until=int(values.get("urgentUntil", 0)),
    )
