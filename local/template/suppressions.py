"""Intended violations of linters and rules: local/template/suppressions.toml, each entry with its reason."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from local.tools import ROOT

PATH = ROOT / "local" / "template" / "suppressions.toml"


@dataclass(frozen=True)
class Violation:
    """A rule of a tool that a resource, by its logical id, breaks. ``what`` distinguishes several of them."""

    tool: str
    rule: str
    resource: str
    text: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.resource}: {self.text} ({self.tool} {self.rule})"


@dataclass(frozen=True)
class Suppression:
    """Intended violations: of a rule, by resources that match a pattern as in file names."""

    tool: str
    rule: str
    pattern: str
    what: str
    reason: str

    def covers(self, violation: Violation) -> bool:
        return (
            (self.tool, self.rule) == (violation.tool, violation.rule)
            and fnmatchcase(violation.resource, self.pattern)
            and self.what in {"", violation.what}
        )


def read_suppressions(tool: str, path: Path = PATH) -> list[Suppression]:
    """A tool's suppressions. Raises ValueError without a reason, KeyError if anything else is missing."""
    with path.open("rb") as file:
        entries = tomllib.load(file).get(tool, [])
    found = []
    for entry in entries:
        if not entry["reason"].strip():
            raise ValueError(f"{path.name}: {tool} {entry['rule']} has no reason")
        for pattern in entry["resources"]:
            found.append(
                Suppression(
                    tool, entry["rule"], pattern, entry.get("what", ""), " ".join(entry["reason"].split())
                )
            )
    return found


def unexpected(violations: Iterable[Violation], suppressions: Sequence[Suppression]) -> list[str]:
    """The violations that are not suppressed, and the suppressions that match none and must be removed."""
    all_violations = list(violations)
    complaints = [
        str(violation)
        for violation in all_violations
        if not any(suppression.covers(violation) for suppression in suppressions)
    ]
    return complaints + [
        f"{PATH.name}: nothing breaks {item.tool} {item.rule} at {item.pattern} {item.what}".rstrip()
        + "; delete the entry"
        for item in suppressions
        if not any(item.covers(violation) for violation in all_violations)
    ]
