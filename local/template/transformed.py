"""The template as CloudFormation deploys it: without SAM's resources and shorthands, with SAM's additions."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local.template.kept import kept
from local.tools import ROOT, SAM, ToolError

TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
FOLDER = ROOT / ".local" / "transformed"


def transformed(parameters: Mapping[str, str], template: Path = TEMPLATE) -> dict[str, Any]:
    """Translate a SAM template, offline. ``parameters`` override the template's defaults.

    Conditions and most intrinsic functions are left for CloudFormation; the translator needs the values of
    some parameters. Creates SAM's environment if it is missing. Raises ToolError if the translator rejects
    the template.
    """
    SAM.ensure()
    known: dict[str, Any] = json.loads(_translated(json.dumps(dict(parameters), sort_keys=True), template))
    return known


@cache
def _translated(parameters: str, template: Path) -> str:
    """Cached: SAM takes a second for it, and a dozen processes of the tests need the same result."""
    program = ROOT / "local" / "template" / "sam_transform.py"
    sources = (template, program, SAM.requirements)
    key = "\0".join([parameters, *(source.read_text("utf-8") for source in sources)])
    return kept(FOLDER, key, lambda: _translate(parameters, template, program))


def _translate(parameters: str, template: Path, program: Path) -> str:
    done = subprocess.run(
        [SAM.program("python"), str(program)],
        input=json.dumps({"template": str(template), "parameters": json.loads(parameters)}),
        env={"PATH": os.environ.get("PATH", os.defpath), "AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"The SAM translator refuses {template.name}:\n{done.stderr.strip()}")
    return done.stdout
