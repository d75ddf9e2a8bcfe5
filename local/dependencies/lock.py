"""Pins the newest versions of all packages with the hashes of their files."""

from local.progress import Progress
from local.tools import LOCKED, REQUIREMENTS, ROOT, find_uv, run_tool

LAYERS = ("aws", "dependencies", "claude", "documents", "encryption", "wecom", "webhooks", "a2a")
WITHOUT_DEPENDENCIES = frozenset({"a2a"})
"""Layers that contain only the packages that they name."""
CONSTRAINTS = ROOT / "layers" / "constraints.txt"


def lock(progress: Progress) -> None:
    """Write layers/constraints.txt, layers/*/locked.txt and local/requirements/locked/*.txt with the newest
    compatible versions.

    Raises ToolError if there are none.
    """
    with progress.step("Pin the layers' packages and the development tools"):
        inputs = ["pyproject.toml", *(f"layers/{layer}/requirements.txt" for layer in LAYERS)]
        _compile(["--upgrade", "--extra", "dev", *inputs], str(CONSTRAINTS))
    for layer in LAYERS:
        with progress.step(f"Pin the layer {layer}"):
            alone = ["--no-deps"] if layer in WITHOUT_DEPENDENCIES else []
            wanted = f"layers/{layer}/requirements.txt"
            folder = ROOT / "layers" / layer
            _compile([*alone, "--constraint", str(CONSTRAINTS), wanted], str(folder / "locked.txt"))
    for tool in sorted(REQUIREMENTS.glob("*.in")):
        with progress.step(f"Pin the tools in {tool.stem}.txt"):
            _compile(["--upgrade", str(tool)], str(LOCKED / f"{tool.stem}.txt"))


def _compile(arguments: list[str], output: str) -> None:
    """No header, because it would contain the machine's package index."""
    options = ("--quiet", "--universal", "--python-version", "3.13", "--no-header", "--no-annotate")
    run_tool(
        [find_uv(), "pip", "compile", *options, "--generate-hashes", *arguments, "--output-file", output]
    )
