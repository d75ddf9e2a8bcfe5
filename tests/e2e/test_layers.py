"""The emulator's functions have their layers without an unpacked copy for each execution environment."""

from local.deployed import Deployed, Project


def test_no_environment_unpacks_layers_of_its_own(deployed: Deployed, project: Project) -> None:
    assert project.wait(project.submit("[[standin: say=done]] e2e-layers"))["status"] == "completed"
    temporary = deployed.stack.folder / "tmp"
    assert list(temporary.glob("ministack-lambda-*-worker-*/_worker.py"))
    assert list(temporary.glob("ministack-lambda-*/layer_*")) == []
