"""The bill of materials of what is deployed, and the known vulnerabilities of pinned packages."""

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console

from local.dependencies.lock import CONSTRAINTS, LAYERS
from local.progress import Progress
from local.tools import AUDIT, LOCKED, ROOT, ToolError, run_tool

SBOM = ROOT / ".aws-sam" / "sbom.json"
VENDORED = ROOT / "functions" / "api" / "console" / "static" / "vendor" / "vendored.toml"
AUDIT_SECONDS = 300.0
"""For a list of 200 packages, with one request each."""


def write_sbom(progress: Progress, target: Path = SBOM) -> None:
    """Write the software bill of materials of the layers and of the packages vendored in the console
    (CycloneDX 1.6, JSON), each package with the hashes of its files. The output is deterministic.

    Raises ToolError.
    """
    with progress.step("Install the auditor"):
        AUDIT.ensure()
    with progress.step("Write the bill of materials"), tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "locked.txt"
        everything.write_text("\n".join(sorted(_packages())))
        target.parent.mkdir(parents=True, exist_ok=True)
        run_tool(
            [
                AUDIT.program("cyclonedx-py"), "requirements", str(everything),
                "--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application",
                "--spec-version", "1.6", "--output-reproducible", "--output-file", str(target),
            ]
        )  # fmt: skip
        document = json.loads(target.read_text())
        document["components"] += _vendored()
        target.write_text(json.dumps(document, indent=2) + "\n")


def audit(progress: Progress, console: Console) -> int:
    """Check all pinned packages against PyPI's advisories. Returns how many lists have a package with a known
    vulnerability, or one that PyPI could not be asked about.

    Raises ToolError if the auditor cannot be installed.
    """
    with progress.step("Install the auditor"):
        AUDIT.ensure()
    guilty = 0
    for listed in (CONSTRAINTS, *sorted(LOCKED.glob("*.txt"))):
        name = listed.relative_to(ROOT)
        command = [AUDIT.program("pip-audit"), "--strict", "--require-hashes", "--disable-pip"]
        try:
            run_tool([*command, "--requirement", str(listed)], seconds=AUDIT_SECONDS)
            console.print(f"{name}: no known vulnerability", highlight=False)
        except ToolError as error:
            guilty += 1
            console.print(f"{name}:\n{error}", style="red", markup=False, highlight=False)
    return guilty


def _vendored() -> list[dict[str, Any]]:
    """The console's components from npm, which the requirements do not list."""
    packages: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for file in tomllib.loads(VENDORED.read_text())["file"]:
        packages.setdefault((file["package"], file["version"], file["license"]), []).append(file)
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:npm/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:npm/{name}@{version}",
            "licenses": [{"license": {"id": license_id}}],
            "components": [
                {
                    "type": "file",
                    "name": file["path"],
                    "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
                }
                for file in files
            ],
        }
        for (name, version, license_id), files in packages.items()
    ]


def _packages() -> set[str]:
    """The layers' packages, each with its hashes on one line."""
    return {
        requirement
        for layer in LAYERS
        for requirement in (ROOT / "layers" / layer / "locked.txt")
        .read_text()
        .replace(" \\\n", "")
        .splitlines()
    }
