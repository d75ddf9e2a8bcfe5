"""Prints the text of an Office file: ``python -m a2a_tasks.adapters.office KIND LIMIT < FILE``.

A process of its own, so that whatever a file does to a parser ends with it: time and memory are bounded by
the system, and there are no credentials here.
"""

import io
import resource
import sys

from a2a_tasks.adapters.office.formats import FORMATS
from a2a_tasks.domain.office_file import OfficeKind

CPU_SECONDS = 10
MEMORY_BYTES = 768 * 1024 * 1024
"""Of address space; reading a file of 3.7 MB takes 100 to 400 MB."""


def main(kind: str, limit: int) -> None:
    """Print at most ``limit`` characters."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    file = io.BytesIO(sys.stdin.buffer.read())
    for piece in FORMATS[OfficeKind(kind)](file):
        text = piece.encode("utf-8", "replace").decode()[:limit]
        sys.stdout.buffer.write(text.encode())
        limit -= len(text)
        if limit <= 0:
            break


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
