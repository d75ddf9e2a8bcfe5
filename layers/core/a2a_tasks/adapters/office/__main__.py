"""Prints the text of an Office file: ``python -m a2a_tasks.adapters.office KIND LIMIT BYTES < FILE``.

A process of its own, so that whatever a file does to a parser ends with it: time and memory are bounded by
the system, and there are no credentials here.
"""

import io
import resource
import sys

from a2a_tasks.adapters.office import NO_MEMORY
from a2a_tasks.adapters.office.formats import FORMATS
from a2a_tasks.domain.office_file import OfficeKind

CPU_SECONDS = 10


def main(kind: str, limit: int, memory_bytes: int) -> None:
    """Print at most ``limit`` characters, with so much address space."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # no core dumps: a crash must not write the file's content to the disk that all tasks share
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    file = io.BytesIO(sys.stdin.buffer.read())
    for piece in FORMATS[OfficeKind(kind)](file):
        text = piece.encode("utf-8", "replace").decode()[:limit]
        sys.stdout.buffer.write(text.encode())
        limit -= len(text)
        if limit <= 0:
            break


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except MemoryError:
        # distinguished from a damaged file: a retry with more memory may succeed
        sys.exit(NO_MEMORY)
