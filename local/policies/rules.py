"""The rules for roles and resource policies, similar to those of AWS's IAM Access Analyzer.

Each is a function from the template to its violations. Intended violations are in
local/template/suppressions.toml.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

from local.policies.statements import (
    Statement,
    as_text,
    either,
    of_type,
    resource_statements,
    role_statements,
    roles,
    trust_statements,
)
from local.template.intrinsics import Template
from local.template.suppressions import Violation

TOOL = "policies"
# With these a role could obtain more permissions than it has.
POWERS = ("iam", "organizations", "sts", "account")
ADMINISTERS_KEYS = (
    "kms:create",
    "kms:put",
    "kms:schedule",
    "kms:disable",
    "kms:*",
    "kms:updat",
    "kms:retire",
)
SOURCES = {"aws:sourcearn", "aws:sourceaccount", "aws:principalorgid", "aws:sourceorgid"}
# A role can be passed only to a function of its own account (iam:PassRole does not cross accounts), so no
# foreign function can make Lambda assume it.
NEEDS_NO_SOURCE = {"lambda.amazonaws.com"}
OWN_ACCOUNT = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"

type Rule = Callable[[Template], Iterator[Violation]]


def wildcards_are_argued_for(template: Template) -> Iterator[Violation]:
    for statement in _allowing(template):
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield _broken("wildcard-action", statement, f"may do {action}", action)
        for resource in statement.resources:
            if resource == "*":
                # one action on everything is justified, not any action that is allowed on it later
                for action in statement.actions:
                    what = f"{action} on *"
                    yield _broken("wildcard-resource", statement, f"may do {what}", what)
            elif "*" in resource or "?" in resource:
                yield _broken("wildcard-resource", statement, f"may use {resource}", resource)


def nothing_is_allowed_by_exception(template: Template) -> Iterator[Violation]:
    """`NotAction` and its like allow actions that nobody has considered."""
    for statement in (
        *role_statements(template),
        *trust_statements(template),
        *resource_statements(template),
    ):
        for key in ("NotAction", "NotResource", "NotPrincipal"):
            if key in statement.written:
                yield _broken("negated", statement, f"a statement has {key}", key)


def no_role_gives_itself_power(template: Template) -> Iterator[Violation]:
    """Outside of a key's own policy, no statement may administer roles, accounts or keys."""
    for statement in role_statements(template):
        for action in statement.actions if statement.allows else ():
            service = action.lower().partition(":")[0]
            if action == "*" or service in POWERS or action.lower().startswith(ADMINISTERS_KEYS):
                yield _broken("power", statement, f"may do {action}", action)


def actions_exist(template: Template) -> Iterator[Violation]:
    """A misspelt action allows nothing, and causes no error."""
    for statement in (*role_statements(template), *resource_statements(template)):
        for action in statement.actions:
            service, _, name = action.lower().partition(":")
            if "*" not in action and name not in _actions().get(service, {}).get("Actions", {}):
                yield _broken("unknown-action", statement, f"there is no action {action}", action)


def one_service_becomes_a_role(template: Template) -> Iterator[Violation]:
    for name in roles(template):
        statements = [item for item in trust_statements(template) if item.owner == name]
        principals = {principal for item in statements for principal in item.principals}
        if len(principals) != 1 or {kind for kind, _ in principals} != {"Service"}:
            who = ", ".join(sorted(who for _, who in principals)) or "nobody"
            yield Violation(TOOL, "trust", name, f"is for {who}, not for exactly one service")
            continue
        for statement in statements:
            service = statement.principals[0][1]
            if service not in NEEDS_NO_SOURCE and not statement.condition_keys & SOURCES:
                text = f"{service} may become it for another account; aws:SourceAccount must be a condition"
                yield Violation(TOOL, "confused-deputy", name, text)


def resource_policies_are_not_public(template: Template) -> Iterator[Violation]:
    for statement in resource_statements(template):
        for kind, who in statement.principals if statement.allows else ():
            narrowed = bool(statement.condition_keys & SOURCES)
            if not narrowed and (kind, who) != ("AWS", OWN_ACCOUNT):
                yield _broken("public", statement, f"{who} may use it without a condition on the source", who)


def functions_are_called_by_known_sources(template: Template) -> Iterator[Violation]:
    for name, permission in of_type(template, "AWS::Lambda::Permission").items():
        principal = as_text(permission["Principal"])
        if not principal.endswith(".amazonaws.com"):
            yield Violation(
                TOOL, "public", name, f"{principal} may call {as_text(permission['FunctionName'])}"
            )
        elif not {"SourceArn", "SourceAccount", "PrincipalOrgID"} & permission.keys():
            text = (
                f"{principal} may call {as_text(permission['FunctionName'])} for any account; add SourceArn"
            )
            yield Violation(TOOL, "confused-deputy", name, text)
    for name in of_type(template, "AWS::Lambda::Url"):
        yield Violation(TOOL, "public", name, "is a function's address beside the API")


def functions_share_no_role(template: Template) -> Iterator[Violation]:
    users: dict[str, list[str]] = {}
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        users.setdefault(as_text(function["Role"]), []).append(name)
    for role, names in users.items():
        if len(names) > 1:
            yield Violation(TOOL, "shared-role", role, f"is shared by {', '.join(sorted(names))}")
        if role not in roles(template):
            yield Violation(
                TOOL, "shared-role", names[0], f"has the role {role}, which is not of this template"
            )


def functions_write_their_own_log(template: Template) -> Iterator[Violation]:
    groups = {
        as_text(function["Role"]): as_text(
            function.get("LoggingConfig", {}).get("LogGroup", "no group of its own")
        )
        for function in of_type(template, "AWS::Lambda::Function").values()
    }
    for statement in role_statements(template):
        if any(action.startswith("logs:") for action in statement.actions):
            for resource in statement.resources:
                if resource != groups.get(statement.owner):
                    yield _broken(
                        "logs", statement, f"may write {resource}, not its function's log alone", resource
                    )


def managed_policies_are_argued_for(template: Template) -> Iterator[Violation]:
    """AWS changes what its managed policies allow."""
    for name, role in roles(template).items():
        for arn in either(role.get("ManagedPolicyArns", [])):
            yield Violation(
                TOOL, "managed-policy", name, f"has {as_text(arn)}", as_text(arn).rpartition("/")[2]
            )


RULES: tuple[Rule, ...] = (
    wildcards_are_argued_for,
    nothing_is_allowed_by_exception,
    no_role_gives_itself_power,
    actions_exist,
    one_service_becomes_a_role,
    resource_policies_are_not_public,
    functions_are_called_by_known_sources,
    functions_share_no_role,
    functions_write_their_own_log,
    managed_policies_are_argued_for,
)


def violations(template: Template) -> Iterator[Violation]:
    """All violations, whether intended or not."""
    for rule in RULES:
        yield from rule(template)


def _allowing(template: Template) -> Iterator[Statement]:
    for statement in (*role_statements(template), *resource_statements(template)):
        if statement.allows:
            yield statement


def _broken(rule: str, statement: Statement, text: str, what: str) -> Violation:
    return Violation(TOOL, rule, statement.owner, text, what)


@cache
def _actions() -> dict[str, dict[str, dict[str, object]]]:
    """Every service's actions in lower case, as cfn-lint has them from AWS's service authorization
    reference."""
    text = files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text()
    known: dict[str, dict[str, dict[str, object]]] = json.loads(text)
    return known
