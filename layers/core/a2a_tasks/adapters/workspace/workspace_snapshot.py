"""A workspace's files as a ``.tar.gz``, and back. Snapshots are not trusted: they are read in bounded memory,
and only plain files are extracted."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator

from a2a_tasks.domain.tools.workspace import FILES, TOTAL_BYTES
from a2a_tasks.ports.workspace import WorkspaceRefused

HEADER_BYTES = 4 * 1024
"""Upper limit of the overhead of a file: its header, padding, and an extended header for a long or non-ASCII
name."""
ARCHIVE_BYTES = TOTAL_BYTES + FILES * HEADER_BYTES + tarfile.RECORDSIZE
COMPRESSION = 6
"""Takes a third of the time of level 9 and is nearly as small. It is done after every turn that writes."""
GZIP = zlib.MAX_WBITS | 16

DAMAGE = (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError, RecursionError)
"""Raised when reading a damaged or malicious archive. Recursive headers end in the last one."""


def pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Deterministic: the same files in the same order give the same bytes (with the same zlib)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in files:
            member = tarfile.TarInfo(path)  # mode 0644, and 0 for owner and time
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getbuffer(), COMPRESSION, mtime=0)


def unpack(snapshot: bytes) -> Iterator[tuple[str, bytes]]:
    """Names as in the archive, unchecked. Raises ``WorkspaceRefused``."""
    try:
        inflated, end = _inflate(snapshot), 0
        with tarfile.open(fileobj=io.BytesIO(inflated), mode="r:") as archive:
            for member in archive:
                if member.type != tarfile.REGTYPE or member.sparse is not None:
                    raise WorkspaceRefused("The workspace's snapshot holds something else than plain files.")
                content = archive.extractfile(member)
                data = content.read() if content else b""
                # a truncated tar file ends early without an error
                if len(data) != member.size:
                    raise WorkspaceRefused("The workspace's snapshot is damaged: it ends early.")
                end = member.offset_data + member.size
                yield member.name, data
            # tarfile treats an unreadable header as the end of the archive
            if inflated[end:].strip(b"\0"):
                raise WorkspaceRefused("The workspace's snapshot is damaged: a header in it is not valid.")
    except DAMAGE as error:
        raise WorkspaceRefused("The workspace's snapshot is damaged.") from error


def _inflate(snapshot: bytes) -> bytes:
    """At most ``ARCHIVE_BYTES``, whatever the snapshot claims."""
    inflater = zlib.decompressobj(GZIP)
    # reads one byte beyond the limit, to distinguish the limit from more
    archive = inflater.decompress(snapshot, ARCHIVE_BYTES + 1)
    if len(archive) > ARCHIVE_BYTES:
        raise WorkspaceRefused("The workspace's snapshot is larger than a workspace can be.")
    if not inflater.eof or inflater.unused_data:
        raise EOFError
    return archive
