"""The template is valid for CloudFormation, whichever of its conditions are met."""

from collections.abc import Iterator

from local.preflight.finding import Finding
from local.preflight.target import Target
from local.template.linters import run_cfn_lint

SUBJECT = "Template"


def check_lint(target: Target) -> Iterator[Finding]:
    """cfn-lint's findings, such as a required property that is ``AWS::NoValue`` under some condition.

    CloudFormation validates a property only when it creates the resource, halfway through a deployment.
    Raises ToolError if cfn-lint does not run.
    """
    complaints = run_cfn_lint(target.template)
    for complaint in complaints:
        remedy = "Fix template.yaml, or justify it in local/template/suppressions.toml."
        yield Finding.fault(SUBJECT, complaint, remedy)
    if not complaints:
        yield Finding.ok(SUBJECT, "cfn-lint finds nothing under any combination of conditions")
