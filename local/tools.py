"""The tools of the local stack, each in its own environment.

SAM, the emulator and this project pin different versions of the same packages, so they cannot share one.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "local" / "requirements"
LOCKED = REQUIREMENTS / "locked"
# Shared by all stacks of this checkout.
TOOLS = ROOT / ".local" / "tools"


INSTALL_SECONDS = 600.0
"""Sufficient even for a slow connection."""


class ToolError(RuntimeError):
    """A tool could not be installed, or failed. The message says what to do or ends with its output."""


@dataclass(frozen=True)
class ToolEnvironment:
    """A virtual environment with the packages in `listed`, or else in
    `local/requirements/locked/<name>.txt`."""

    name: str
    listed: Path | None = None

    @property
    def folder(self) -> Path:
        return TOOLS / self.name

    @property
    def requirements(self) -> Path:
        return self.listed or LOCKED / f"{self.name}.txt"

    @property
    def packages(self) -> Path:
        """The folder that its packages are imported from."""
        version = sys.version_info
        return self.folder / "lib" / f"python{version.major}.{version.minor}" / "site-packages"

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def ensure(self) -> bool:
        """Create the environment, or recreate it if its requirements have changed. True if it was created.

        Raises ToolError if that fails.
        """
        stamp = self.folder / "requirements.sha256"
        wanted = hashlib.sha256(self.requirements.read_bytes() + sys.version.encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        uv = find_uv()
        run_tool([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.folder)])
        run_tool(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "--python",
                self.program("python"),
                "-r",
                str(self.requirements),
            ]
        )
        stamp.write_text(wanted)
        return True


SAM = ToolEnvironment("sam")
EMULATOR = ToolEnvironment("emulator")
# SAM and the layers' makefiles look for a `python3.13` that has pip, which a system's Python often lacks.
BUILDER = ToolEnvironment("builder")
# `make lint` creates it.
IMPORT_LINTER = ToolEnvironment("import-linter")
# Only `make template` needs it, and creates it.
CHECKOV = ToolEnvironment("checkov")
# `make audit` and `make build` create it.
AUDIT = ToolEnvironment("audit")
# `make docs` creates it.
DOCS = ToolEnvironment("docs")
# `make hooks` creates it.
PRE_COMMIT = ToolEnvironment("pre-commit")
# Only the tests need these, and create them.
SCHEMATHESIS = ToolEnvironment("schemathesis")
A2A_0_3 = ToolEnvironment("a2a-0.3")
MICROBURST = ToolEnvironment("microburst")
ADK = ToolEnvironment("adk")
# `python -m local screenshots` needs this one too, and creates it.
PLAYWRIGHT = ToolEnvironment("playwright")


def install_tools(progress: Progress) -> None:
    """Create the tools' environments that are missing or outdated. Raises ToolError if that fails."""
    for environment, what in (
        (EMULATOR, "the AWS emulator"),
        (SAM, "AWS SAM"),
        (BUILDER, "the builder"),
    ):
        with progress.step(f"Install {what}"):
            environment.ensure()


def find_uv() -> str:
    """The path of uv: the one on PATH, else the one that `make` installed. Raises ToolError without one."""
    bundled = TOOLS / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(bundled) if bundled.exists() else None)
    if found is None:
        raise ToolError("uv is missing. `make setup` installs it.")
    return found


def run_tool(
    command: list[str], environment: dict[str, str] | None = None, *, seconds: float = INSTALL_SECONDS
) -> str:
    """Run a command in the repository and return its standard output. Raises ToolError with its whole output
    if it fails, or has not ended within `seconds`; then it is killed, with all processes that it started."""
    shown = shlex.join(command)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment if environment is not None else dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output, complaints = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill_group(process.pid)
            said = "".join(process.communicate()).strip()
            raise ToolError(f"{shown}\nhas not ended within {seconds:.0f} seconds:\n{said}") from None
        except BaseException:  # such as Ctrl-C, which does not reach its process group
            _kill_group(process.pid)
            raise
    if process.returncode != 0:
        said = (output + complaints).strip()
        raise ToolError(f"{shown}\nended with status {process.returncode}:\n{said}")
    return output


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
