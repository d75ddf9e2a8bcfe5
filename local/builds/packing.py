"""Prepares a build for a fast `sam deploy`: a template in JSON, with archives instead of folders.

`sam deploy` reads the template seven times, which takes a second each in YAML and almost nothing in JSON, and
packs all folders again for each stack.
"""

import json
import zipfile
from pathlib import Path

import yaml

PACKED = "packed.json"
LOCATIONS = ("CodeUri", "ContentUri")


def pack(build: Path) -> None:
    """Pack each function and layer in a folder that `sam build` has filled, and write `packed.json` into it,
    a template with the paths of the archives. The folders are kept."""
    template = yaml.load((build / "template.yaml").read_text("utf-8"), yaml.CSafeLoader)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for location in LOCATIONS:
            if location in properties:
                properties[location] = _archive(build / properties[location]).name
    (build / PACKED).write_text(json.dumps(template, indent=1), "utf-8")


def _archive(folder: Path) -> Path:
    packed = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(
        packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed
