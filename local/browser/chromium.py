"""Finds Chromium: on this machine, or in an npm package that contains it.

Playwright's own download comes from hosts that are not reachable from every network.
"""

import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.tools import PLAYWRIGHT, TOOLS, ToolError, run_tool

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Programs to look for on PATH."""
PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
"""Of the package's archive."""
FOLDER = TOOLS / "chromium" / VERSION
DOWNLOAD_SECONDS = 300.0
_DECOMPRESS = """const fs = require("fs");
fs.writeFileSync(process.argv[2], require("zlib").brotliDecompressSync(fs.readFileSync(process.argv[1])));"""


class NoBrowser(Exception):
    """Chromium is not installed and cannot be fetched; the message says what to do."""


@dataclass(frozen=True)
class Chromium:
    """A program, and the folder of libraries that it needs in addition to the system's, if any."""

    program: Path
    libraries: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment to start it with."""
        own = {} if self.libraries is None else {"LD_LIBRARY_PATH": str(self.libraries)}
        return dict(os.environ) | own


def find_chromium() -> Chromium:
    """The program on PATH, else the package's, which is fetched once. Requires ``PLAYWRIGHT`` to be
    installed.

    Raises NoBrowser.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return Chromium(Path(found))
    if not FOLDER.exists():
        try:
            _fetch(FOLDER)
        except (ToolError, OSError) as error:
            raise NoBrowser(_advice(str(error).strip().splitlines()[-1])) from error
    return Chromium(FOLDER / "chromium", FOLDER / "lib")


def _advice(reason: str) -> str:
    return (
        f"No Chromium: none of {', '.join(NAMES)} is on PATH, and npm's {PACKAGE} could not be installed "
        f"({reason}). On Debian and Ubuntu: apt-get install chromium-headless-shell, or npm."
    )


def _fetch(target: Path) -> None:
    """Raises ToolError and OSError."""
    npm = shutil.which("npm")
    if npm is None or platform.machine() != "x86_64":
        raise ToolError(
            "npm is not installed" if npm is None else f"it does not support {platform.machine()}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        wanted = f"{PACKAGE}@{VERSION}"
        run_tool([npm, "pack", wanted, "--silent", "--pack-destination", name], seconds=DOWNLOAD_SECONDS)
        (archive,) = folder.glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise ToolError(f"{wanted} does not match the pinned hash")
        _unpack(archive, folder)
        made = folder / "made"
        made.mkdir()
        _decompress(folder / "package/bin/chromium.br", made / "chromium")
        (made / "chromium").chmod(0o755)
        _decompress(folder / "package/bin/al2023.tar.br", folder / "libraries.tar")
        _unpack(folder / "libraries.tar", made)
        if not target.exists():  # another process may have created it first
            made.rename(target)


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")


def _decompress(source: Path, target: Path) -> None:
    """Decompresses Brotli, which Python lacks and the Node.js bundled with Playwright has."""
    node = PLAYWRIGHT.packages / "playwright" / "driver" / "node"
    run_tool([str(node), "-e", _DECOMPRESS, str(source), str(target)])
