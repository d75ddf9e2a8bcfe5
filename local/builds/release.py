"""The release's name in the environment of its functions.

A function's version keeps its settings. SAM publishes a version only when the template's text changes, and
not when a parameter gets another value (aws/serverless-application-model#3820), so the name contains a digest
of both.
"""

import re
import tomllib
from pathlib import Path

from local.tools import ROOT

VARIABLE = re.compile(r'^(?P<name>\s+"?RELEASE"?: "?)[^\s",]+', re.M)
"""In YAML, or in JSON with one line for each."""


def release_of(digest: str) -> str:
    """Such as `0.1.0-3f2a9c81d0`: the version of pyproject.toml, and the first characters of a digest of
    sources and parameters."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return f"{project['version']}-{digest[:10]}"


def stamped(template: Path, release: str, name: str) -> Path:
    """A copy of a built template with the release's name in it, beside the original because its paths are
    relative.

    Raises LookupError if the template has no placeholder for it.
    """
    text, count = VARIABLE.subn(rf"\g<name>{release}", template.read_text("utf-8"))
    if count != 1:
        raise LookupError(f"{template} has {count} variables RELEASE; expected one.")
    copy = template.with_name(name)
    copy.write_text(text, "utf-8")
    return copy
