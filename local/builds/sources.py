"""One digest of everything in a deployment: if it is unchanged, there is nothing to build or deploy."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.tools import EMULATOR, ROOT, SAM

SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "functions",
    "layers",
    "local/stack/amendments.py",
    "local/gateway",
    "local/builds/packing.py",
)


def deployment_digest(parameters: Mapping[str, str]) -> str:
    """The digest of the sources, of the tools that build and run them, and of the template's parameters."""
    digest = hashlib.sha256()
    for path in _files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    for name, value in sorted(parameters.items()):
        digest.update(f"{name}={value}\0".encode())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    yield SAM.requirements
    yield EMULATOR.requirements
    for source in SOURCES:
        path = ROOT / source
        if path.is_file():
            yield path
            continue
        for child in sorted(path.rglob("*")):
            if child.is_file() and "__pycache__" not in child.parts:
                yield child
