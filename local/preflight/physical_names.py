"""The names that the template, and not CloudFormation, gives to resources.

Two stacks of an account must not need the same name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from local.policies.statements import as_text
from local.preflight.finding import Finding
from local.preflight.target import REGION, Target
from local.template.intrinsics import Template, Value, walk

SUBJECT = "Names"
# Unique in an account across all regions; every other name is unique in its region.
GLOBAL = {"AWS::CloudWatch::Dashboard", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::S3::Bucket"}
# A policy's name is scoped to its role and an alias's to its function, names of APIs and queries need not be
# unique, and a domain is the operator's own (domain.py).
NOT_UNIQUE = {
    "AWS::IAM::Policy",
    "AWS::Lambda::Alias",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::DomainName",
    "AWS::Logs::QueryDefinition",
}


@dataclass(frozen=True)
class PhysicalName:
    """A resource of the template, by its logical id, and the name that the template gives to it."""

    logical_id: str
    kind: str
    name: Value


def physical_names(template: Template) -> Iterator[PhysicalName]:
    """The names of all named resources and of exports, as the template writes them."""
    for logical_id, resource in template["Resources"].items():
        for attribute in _name_attributes(resource["Type"]):
            if (name := resource.get("Properties", {}).get(attribute)) is not None:
                yield PhysicalName(logical_id, resource["Type"], name)
    for logical_id, output in template.get("Outputs", {}).items():
        if "Export" in output:
            yield PhysicalName(logical_id, "Export", output["Export"]["Name"])


def check_physical_names(template: Template) -> Iterator[Finding]:
    """Every name contains the stack's, and the region's if it is global."""
    shared = [
        (named, part)
        for named in physical_names(template)
        for part in ("AWS::StackName", "AWS::Region")
        if (part == "AWS::StackName" or named.kind in GLOBAL) and not _holds(named.name, part)
    ]
    for named, part in shared:
        others = "stack" if part == "AWS::StackName" else "region"
        found = f"{named.logical_id} has the same name in every {others}: {as_text(named.name)}"
        yield Finding.fault(
            SUBJECT, found, f"Add ${{{part}}} to it, or let CloudFormation generate the name."
        )
    if not shared:
        yield Finding.ok(SUBJECT, "no two stacks need the same")


def names_wanted(target: Target) -> list[PhysicalName]:
    """The names that this deployment needs, evaluated."""
    template = {"Resources": target.resources}
    return list(physical_names(template))


def _holds(name: Value, part: str) -> bool:
    return any(
        node == {"Ref": part} or (isinstance(node, str) and f"${{{part}}}" in node) for node in walk(name)
    )


def _name_attributes(kind: str) -> Iterator[str]:
    """The properties that name a resource of a type; none if it is not identified by its name alone."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    identifier = schema["primaryIdentifier"]
    if kind in NOT_UNIQUE or len(identifier) > 1:
        return
    noun = kind.rpartition("::")[2]
    names = {"Name", f"{noun}Name", f"{noun.removesuffix('Version')}Name"}
    names.add(identifier[0].removeprefix("/properties/"))
    settable = schema["properties"].keys() - {
        path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", [])
    }
    yield from sorted(name for name in names & settable if name.endswith("Name"))
