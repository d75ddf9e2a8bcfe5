"""Checks that a template's roles and policies keep the rules, except for justified violations."""

from collections.abc import Iterator

from local.policies.rules import RULES, TOOL, violations
from local.preflight.finding import Finding
from local.template.intrinsics import Template
from local.template.suppressions import read_suppressions, unexpected

SUBJECT = "Roles and policies"


def check_policies(template: Template) -> Iterator[Finding]:
    complaints = unexpected(violations(template), read_suppressions(TOOL))
    for complaint in complaints:
        remedy = "Restrict it in template.yaml, or justify it in local/template/suppressions.toml."
        yield Finding.fault(SUBJECT, complaint, remedy)
    if not complaints:
        yield Finding.ok(
            SUBJECT, f"all {len(RULES)} rules are met; exceptions are in local/template/suppressions.toml"
        )
