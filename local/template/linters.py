"""cfn-lint and checkov on the template as CloudFormation gets it."""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from local.template.kept import kept
from local.template.suppressions import Violation, read_suppressions, unexpected
from local.tools import CHECKOV, ROOT, run_tool

CFN_LINT_TOOL, CHECKOV_TOOL = "cfn-lint", "checkov"
# Both linters read a template only from a file.
FOLDER = ROOT / ".local" / "linted"


def run_cfn_lint(template: Mapping[str, Any], folder: Path = FOLDER) -> list[str]:
    """cfn-lint's findings that are not suppressed. A run takes ten seconds; its result is cached for each
    template. Raises ToolError if it does not run."""
    program = str(Path(sys.executable).with_name("cfn-lint"))
    command = [program, "--format", "json", "--non-zero-exit-code", "none"]
    key = json.dumps([version(CFN_LINT_TOOL), command, template])
    said = kept(folder / "found", key, lambda: run_tool([*command, "--template", _written(template, folder)]))
    found = json.loads(said)
    violations = [
        Violation(
            CFN_LINT_TOOL,
            item["Rule"]["Id"],
            _named_in(item["Location"].get("Path") or []),
            item["Message"],
        )
        for item in found
    ]
    return unexpected(violations, read_suppressions(CFN_LINT_TOOL))


def run_checkov(template: Mapping[str, Any], folder: Path = FOLDER) -> list[str]:
    """checkov's findings that are not suppressed. Raises ToolError if it does not run.

    Creates its environment if it is missing. Needs no network after that.
    """
    CHECKOV.ensure()
    options = ["--framework", "cloudformation", "--skip-download", "--soft-fail", "--quiet", "--compact"]
    command = [CHECKOV.program("checkov"), *options, "--output", "json", "--file", _written(template, folder)]
    found = json.loads(run_tool(command))
    if not found.get("results") or found["summary"]["parsing_errors"]:
        return ["checkov could not read the template"]
    return unexpected(_failed(found["results"]["failed_checks"]), read_suppressions(CHECKOV_TOOL))


def _failed(checks: list[dict[str, Any]]) -> Iterator[Violation]:
    for check in checks:
        resource = check["resource"].rpartition(".")[2]
        yield Violation(CHECKOV_TOOL, check["check_id"], resource, check["check_name"])


def _named_in(path: list[Any]) -> str:
    """The logical id in a path such as Resources, Api, Properties; the path's beginning if there is none."""
    return str(path[1] if len(path) > 1 else path[0] if path else "template")


def _written(template: Mapping[str, Any], folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "template.json"
    path.write_text(json.dumps(template, indent=1))
    return str(path)
