"""CloudWatch's ``SEARCH`` as far as the dashboard uses it: one metric by the names of its dimensions,
and optionally by the values of one of them."""

import re
from dataclasses import dataclass
from typing import Self

from tests.alarms.metrics import Metric

MOST_CHARACTERS = 1_024
"""CloudWatch's quota for the query of a search."""
_SEARCH = re.compile(
    r"SEARCH\('(?P<query>\{(?P<space>[^,}]+),(?P<keys>[\w,]+)\} MetricName=\"(?P<name>\w+)\""
    r"(?: (?P<key>\w+)=\((?P<values>\"[^()]+\")\))?)', '(?P<stat>\w+)'\)"
)


@dataclass(frozen=True)
class Search:
    """``key`` is the dimension that distinguishes the results; without ``values``, all values match."""

    query: str
    namespace: str
    name: str
    keys: frozenset[str]
    key: str
    values: frozenset[str]
    stat: str

    @classmethod
    def parsed(cls, expression: str) -> Self | None:
        """None if it is not a search, or another kind of search."""
        found = _SEARCH.fullmatch(expression)
        if found is None:
            return None
        values = frozenset((found["values"] or "").replace('"', "").split(" OR ")) - {""}
        keys, key = frozenset(found["keys"].split(",")), found["key"] or "code"
        return cls(found["query"], found["space"], found["name"], keys, key, values, found["stat"])

    def finds(self, metric: Metric) -> bool:
        """Whether the search finds it."""
        dimensions = dict(metric.dimensions)
        found = (metric.namespace, metric.name, frozenset(dimensions))
        is_one = found == (self.namespace, self.name, self.keys)
        return is_one and (not self.values or dimensions[self.key] in self.values)
