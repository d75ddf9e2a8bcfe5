"""A function's process with this project's code, as the gateway of the local stack starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.gateway.function_process import end_process, start_process

ROOT = Path(__file__).parents[3]
WRAPPER = ROOT / "layers/core/streaming-runtime"


@contextmanager
def running_function(
    host: str, handler: str, task_root: Path, wrapper: Path = WRAPPER, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """The process, until the block ends; its output can be read then."""
    # what a developer's shell may have, and Lambda has not
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    variables = inherited | {
        "AWS_LAMBDA_RUNTIME_API": host,
        "AWS_LAMBDA_FUNCTION_NAME": "streaming",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "LAMBDA_TASK_ROOT": str(task_root),
        "PYTHONPATH": str(ROOT / "layers/core"),
        "STREAMING_HANDLER": handler,
    }
    process = start_process(wrapper, sys.executable, task_root, variables | environment)
    try:
        yield process
    finally:
        end_process(process)
        if process.stdout and not process.stdout.closed:
            process.stdout.close()
