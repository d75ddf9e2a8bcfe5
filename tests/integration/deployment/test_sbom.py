"""The bill of materials that `make build` writes."""

import json
import re
from pathlib import Path

from local.dependencies.supply_chain import write_sbom
from local.progress import Silent
from local.tools import ROOT

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==(\S+)", re.MULTILINE)


def test_it_lists_every_package_of_layers_and_console_with_its_hashes(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    write_sbom(Silent(), target)

    document = json.loads(target.read_text())
    listed = {(part["name"], part["version"]): part for part in document["components"]}
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "a2a-tasks"
    layers = [file.read_text() for file in sorted((ROOT / "layers").glob("*/locked.txt"))]
    vendored = {("preact", "11.2.0"), ("htm", "3.1.1"), ("uplot", "1.6.32")}
    assert set(listed) == vendored | {pair for text in layers for pair in PINNED.findall(text)}
    for part in (listed[name] for name in vendored):
        assert part["purl"] == f"pkg:npm/{part['name']}@{part['version']}"
        assert all(file["hashes"][0]["content"] for file in part["components"])
    for part in (part for name, part in listed.items() if name not in vendored):
        (source,) = part["externalReferences"]
        assert {each["alg"] for each in source["hashes"]} == {"SHA-256"}
