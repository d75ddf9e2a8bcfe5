"""Libraries that the console imports, as ``static/vendor/vendored.toml`` lists them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor"
LIST = FOLDER / "vendored.toml"


@dataclass(frozen=True)
class Vendored:
    """One file of a package. It lies in ``FOLDER`` as it was published, with the digest ``sha256``."""

    sent_as: str
    package: str
    version: str
    path: str
    """In the package."""
    sha256: str
    license: str
    copyright: str
    adapted: tuple[str, str] | None = None
    """A text in it, and what is sent instead."""
    appended: str = ""
    """What is sent after it."""

    @property
    def file(self) -> Path:
        return FOLDER / Path(self.path).name

    @property
    def license_file(self) -> Path:
        return FOLDER / f"LICENSE.{self.package}"

    def text(self) -> str:
        """What is sent, with the notice that the license asks for."""
        notice = f"/*! {self.package} {self.version} | {self.license} | {self.copyright} */\n"
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("//# sourceMappingURL="))
        if self.adapted is not None:
            text = text.replace(*self.adapted)
        return notice + text + self.appended


@cache
def vendored() -> Mapping[str, Vendored]:
    """All files, by the name under which they are sent."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["file"]
    return {entry["sent_as"]: Vendored(**entry) for entry in listed}
