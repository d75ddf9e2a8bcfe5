"""Hooks of SnapStart, with the library that Lambda's runtime brings along."""

import random
import sys

import pytest
import snapshot_restore_py as runtime

from a2a_tasks.adapters import snapstart
from a2a_tasks.adapters.system import SystemEntropy


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is registered for after a restore."""
    hooks: list[object] = []
    monkeypatch.setattr(runtime, "_after_restore_registry", hooks)
    return hooks


@pytest.mark.parametrize(("initialization", "hooks"), [("on-demand", 0), (None, 0), ("snap-start", 1)])
def test_only_a_process_that_is_copied_registers_hooks(
    initialization: str | None, hooks: int, registered: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if initialization:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)

    snapstart.register_hooks()

    assert len(registered) == hooks


def test_copies_that_nothing_tells_apart_do_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", snapstart.SNAP_START)
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)

    with pytest.raises(ImportError):
        snapstart.register_hooks()


def test_a_copy_draws_numbers_of_its_own() -> None:
    """As the libraries do too: jitter of retries."""
    snapshot = random.getstate()

    def drawn_after_restore() -> float:
        random.setstate(snapshot)
        snapstart.become_own_process()
        return SystemEntropy().fraction()

    assert drawn_after_restore() != drawn_after_restore()
