"""The pinned versions of everything, chosen anew."""

from local.progress import Progress
from local.tools import REQUIREMENTS, ROOT, find_uv, run_tool

LAYERS = ("dependencies", "claude", "wecom", "webhooks", "a2a")


def lock(progress: Progress) -> None:
    """Write layers/constraints.txt and local/requirements/*.txt with the newest versions that fit together.

    Raises ToolError if there are none.
    """
    options = (
        "--quiet",
        "--upgrade",
        "--universal",
        "--python-version",
        "3.13",
        "--no-header",
        "--no-annotate",
    )
    compiled = [find_uv(), "pip", "compile", "--python-version", "3.13", *options]
    with progress.step("Pin the layers' packages and the development tools"):
        inputs = ["pyproject.toml", *(f"layers/{layer}/requirements.txt" for layer in LAYERS)]
        output = str(ROOT / "layers" / "constraints.txt")
        run_tool([*compiled, "--extra", "dev", *inputs, "--output-file", output])
    for wanted in sorted(REQUIREMENTS.glob("*.in")):
        with progress.step(f"Pin the tools in {wanted.stem}.txt"):
            run_tool([*compiled, str(wanted), "--output-file", str(wanted.with_suffix(".txt"))])
