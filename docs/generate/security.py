"""Generates the tables of roles' permissions and of what one caller can use, from the template:
``python -m docs.generate.security [--check]``.

Writes them into ``docs/security.md``, each between two marks, or with ``--check`` only says whether it is up
to date (exit status 1 if not). Needs no AWS account.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from docs.generate import shares
from docs.generate.compromise import gains
from docs.generate.pages import with_tables, write_or_check
from local.policies.statements import (
    Statement,
    as_text,
    either,
    of_type,
    role_statements,
    roles,
    trust_statements,
)
from local.template.intrinsics import Template, conditions_in
from local.template.transformed import transformed

DOCUMENT = Path(__file__).parents[1] / "security.md"
_WITHOUT_FUNCTION = {"scheduler.amazonaws.com": "the schedules", "codedeploy.amazonaws.com": "deployments"}
_ADOPTED = ("TasksTableArn", "TasksTableStreamArn", "RegistryTableArn", "PayloadBucketName", "PushKeyArn")
_SHORT = {
    "arn:${AWS::Partition}:": "",
    ":${AWS::Region}:${AWS::AccountId}": "",
    ":${AWS::AccountId}": "",
    "${AWS::StackName}": "STACK",
}


def rendered(template: Template) -> str:
    """The tables, as Markdown: a summary of all roles, then the permissions of each."""
    summary = "\n".join(_summary(template))
    return summary + "\n\n" + "\n".join(line for name in roles(template) for line in _role(template, name))


def _summary(template: Template) -> Iterator[str]:
    yield "| compromised function | access gained |"
    yield "| --- | --- |"
    for name in roles(template):
        own = [statement for statement in role_statements(template) if statement.owner == name]
        yield f"| `{name}` | {'; '.join(gains(own)) or 'no caller data'} |"


def _role(template: Template, name: str) -> Iterator[str]:
    services = {
        who for item in trust_statements(template) if item.owner == name for _, who in item.principals
    }
    users = [
        function
        for function, properties in of_type(template, "AWS::Lambda::Function").items()
        if as_text(properties["Role"]) == name
    ]
    yield f"### {name}\n"
    whose = _listed(users) or ", ".join(_WITHOUT_FUNCTION[who] for who in services)
    yield f"For {whose}; assumed by {_listed(services)} alone.\n"
    yield "| may | on | only if |"
    yield "| --- | --- | --- |"
    for statement in role_statements(template):
        if statement.owner == name:
            resources = _listed(_short(each) for each in statement.resources if not _is_adopted(each))
            yield f"| {_listed(statement.actions)} | {resources} | {'; '.join(_limits(statement))} |"
    managed = roles(template)[name].get("ManagedPolicyArns", [])
    for arn in either(managed):
        limits = "; ".join(f"the stack has `{condition}`" for condition in sorted(conditions_in(managed)))
        yield f"| what AWS's policy `{as_text(arn).rpartition('/')[2]}` allows | | {limits} |"
    yield ""


def _is_adopted(resource: str) -> bool:
    """Whether it names an adopted resource instead of the stack's own, which is listed once."""
    return any(parameter in resource for parameter in _ADOPTED)


def _listed(items: Iterable[str]) -> str:
    return ", ".join(f"`{item}`" for item in items)


def _limits(statement: Statement) -> Iterator[str]:
    if statement.made_if:
        yield f"the stack has `{statement.made_if}`"
    for keys in statement.condition.values():
        for key, values in keys.items():
            yield f"`{key}` is {' or '.join(f'`{as_text(value)}`' for value in either(values))}"


def _short(resource: str) -> str:
    for long, short in _SHORT.items():
        resource = resource.replace(long, short)
    return resource


def documents() -> Iterator[tuple[Path, str]]:
    """The document with its current tables."""
    template = transformed({})
    tables = {"roles": rendered(template), "shares": shares.rendered(template)}
    yield DOCUMENT, with_tables(DOCUMENT.read_text("utf-8"), tables, "make security")


if __name__ == "__main__":
    sys.exit(write_or_check(documents(), sys.argv[1:], "make security"))
