"""Charged units, and their price."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.bill.prices import PRICES, Service, Unit


@dataclass(frozen=True)
class Usage:
    """A number of each unit; missing units were not used."""

    units: Mapping[Unit, float] = field(default_factory=dict)

    @classmethod
    def sum(cls, usages: Iterable["Usage"]) -> "Usage":
        return sum(usages, cls())

    def __add__(self, other: "Usage") -> "Usage":
        both = self.units.keys() | other.units.keys()
        return Usage({unit: self.units.get(unit, 0) + other.units.get(unit, 0) for unit in sorted(both)})

    def __mul__(self, times: float) -> "Usage":
        return Usage({unit: number * times for unit, number in self.units.items()})

    def __sub__(self, other: "Usage") -> "Usage":
        return self + other * -1

    @property
    def usd(self) -> float:
        return sum(PRICES[unit].each * number for unit, number in self.units.items())

    def of(self, *services: Service) -> "Usage":
        """The units charged by these services."""
        units = {unit: number for unit, number in self.units.items() if PRICES[unit].service in services}
        return Usage(units)
