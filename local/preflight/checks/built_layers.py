"""The sizes of functions with their layers, if they have been built."""

from collections.abc import Iterator
from pathlib import Path

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from local.preflight.finding import Finding

SUBJECT = "Sizes of functions"
UNZIPPED_BYTES = 250 * 1024 * 1024


def check_built(folder: Path) -> Iterator[Finding]:
    """``folder`` is the output of ``sam build``, with its template.yaml; nothing is found if it does not
    exist."""
    if not (folder / "template.yaml").exists():
        return
    template = cfn_yaml.load(str(folder / "template.yaml"))
    shared = template.get("Globals", {}).get("Function", {}).get("Layers", [])
    sizes = {
        name: _size(folder / name)
        + sum(_size(folder / layer["Ref"]) for layer in [*shared, *function["Properties"].get("Layers", [])])
        for name, function in template["Resources"].items()
        if function["Type"] == "AWS::Serverless::Function"
    }
    for name, size in sizes.items():
        if size > UNZIPPED_BYTES:
            found = f"{name} with its layers takes {_megabytes(size)} of at most {_megabytes(UNZIPPED_BYTES)}"
            yield Finding.fault(SUBJECT, found, "Remove packages from its layers.")
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    if largest is not None and sizes[largest] <= UNZIPPED_BYTES:
        yield Finding.ok(
            SUBJECT, f"the largest, {largest} with its layers: {_megabytes(sizes[largest])} of 250 MB"
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"
