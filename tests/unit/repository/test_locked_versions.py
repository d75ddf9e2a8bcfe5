"""What is installed anywhere is pinned, with the hashes of its files, at one version for layers and tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONSTRAINTS = ROOT / "layers" / "constraints.txt"
LAYERS = sorted((ROOT / "layers").glob("*/locked.txt"))
LOCKED = [CONSTRAINTS, *LAYERS, *sorted((ROOT / "local" / "requirements" / "locked").glob("*.txt"))]
PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==(?P<version>\S+)(?: ; [^\\]+?)? \\")


def pins(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    found = {match["name"]: match["version"] for line in lines if (match := PINNED.fullmatch(line))}
    assert len(found) == sum(not line.startswith(" ") for line in lines), "a line pins nothing"
    return found


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_package_has_a_version_and_the_hashes_of_its_files(file: Path) -> None:
    text = file.read_text()
    assert pins(file)
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in requirement
    assert "://" not in text


@pytest.mark.parametrize("file", LAYERS, ids=lambda file: file.parent.name)
def test_a_layer_holds_what_the_tests_run_with(file: Path) -> None:
    assert pins(file).items() <= pins(CONSTRAINTS).items()


def test_every_layer_that_takes_packages_is_locked() -> None:
    wanted = {file.parent for file in (ROOT / "layers").glob("*/requirements.txt")}
    assert {file.parent for file in LAYERS} == wanted
    assert "--require-hashes" in (ROOT / "layers" / "wheels.mk").read_text()


def test_the_layer_of_the_aws_sdk_describes_the_services_that_are_called() -> None:
    clients = (ROOT / "layers" / "core" / "a2a_tasks" / "adapters" / "clients.py").read_text()
    makefile = (ROOT / "layers" / "aws" / "Makefile").read_text()
    described = re.search(r"^services = (.+)$", makefile, re.MULTILINE)
    assert described is not None
    assert set(described[1].split()) == set(re.findall(r'_client\("([a-z0-9]+)"', clients))
