"""Which model a task goes on with while models are overloaded."""

from collections.abc import Sequence
from dataclasses import dataclass

SWITCH_AFTER = 2
"""So many times in a row a model has been overloaded when the next is tried."""


@dataclass(frozen=True)
class Overload:
    """The model for the next try, and how often in a row it has been overloaded."""

    model: str
    count: int

    @property
    def is_switch(self) -> bool:
        """Whether it is another model than before."""
        return self.count == 0


def after_overload(model: str, count: int, others: Sequence[str]) -> Overload:
    """What follows when ``model`` was overloaded for the ``count``-th time in a row; ``others`` are the
    models behind it that the task may go on with."""
    if count < SWITCH_AFTER or not others:
        return Overload(model, count)
    return Overload(others[0], 0)


def models_behind(model: str, on_overload: Sequence[str]) -> list[str]:
    """Those that are still to be tried after this one, in order."""
    begin = on_overload.index(model) + 1 if model in on_overload else 0
    return [other for other in on_overload[begin:] if other != model]
