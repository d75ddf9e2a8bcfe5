"""Fallback to another model while a model is overloaded."""

from collections.abc import Sequence
from dataclasses import dataclass

SWITCH_AFTER = 2
"""Consecutive overloads of a model before the next one is used."""


@dataclass(frozen=True)
class Overload:
    """The model for the next attempt, and its consecutive overloads so far."""

    model: str
    count: int

    @property
    def is_switch(self) -> bool:
        """Whether it is another model than before."""
        return self.count == 0


def after_overload(model: str, count: int, others: Sequence[str]) -> Overload:
    """What follows the ``count``-th consecutive overload of ``model``; ``others`` are the models that the
    task may fall back to, in order."""
    # a single overload is usually brief, and callers may notice the change of model
    if count < SWITCH_AFTER or not others:
        return Overload(model, count)
    return Overload(others[0], 0)


def models_behind(model: str, on_overload: Sequence[str]) -> list[str]:
    """Models in ``on_overload`` after ``model``, in order."""
    begin = on_overload.index(model) + 1 if model in on_overload else 0
    return [other for other in on_overload[begin:] if other != model]
