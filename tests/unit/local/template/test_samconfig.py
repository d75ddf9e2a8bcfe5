"""What `make deploy` hands to SAM of an environment's parameters."""

from pathlib import Path

import pytest

from a2a_tasks.domain.pricing.overrides import BadPrices
from local.template import samconfig


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(samconfig, "PATH", tmp_path / "samconfig.toml")
    return tmp_path / "samconfig.toml"


def arguments(file: Path, prices: str) -> list[str]:
    file.write_text(
        f"[dev.deploy.parameters]\nparameter_overrides = ['Stage=dev', '''ModelPrices={prices}''']\n"
    )
    return samconfig.sam_arguments("dev")


def test_prices_come_through_the_shell_and_sam(write: Path) -> None:
    """SAM's own parser reads `ModelPrices={"m"…` as `{`."""
    expected = r'ModelPrices="{\"m\":{\"input\":3.6,\"output\":18}}"'
    assert arguments(write, '{"m": {"input": 3.6, "output": 18}}') == ["Stage=dev", expected]
    assert arguments(write, r'"{\"m\":{\"input\":1}}"')[1] == r'ModelPrices="{\"m\":{\"input\":1}}"'
    assert arguments(write, "") == ["Stage=dev", "ModelPrices="]


def test_prices_with_which_no_worker_would_start_are_not_deployed(write: Path) -> None:
    with pytest.raises(BadPrices, match=r"m\.output is missing"):
        arguments(write, '{"m": {"input": 3.6}}')
