"""An operator stops work and lets it go on: what is posted meanwhile is accepted, waits, and is done."""

from local.demo import run_a2actl
from local.deployed import Deployed, Project, wait_until


def test_tasks_posted_during_a_pause_wait_and_are_done_after_it(deployed: Deployed, project: Project) -> None:
    under_way = project.submit("[[standin: delay=8; say=done]] e2e-pause-under-way")
    project.wait_for_call("e2e-pause-under-way")
    run_a2actl(deployed.stack, "queue", "pause", "--reason", "e2e")
    try:
        accepted = [project.submit(f"[[standin: say=done]] e2e-pause-{n}") for n in range(3)]
        assert project.wait(under_way)["status"] == "completed"
        assert not deployed.calls("e2e-pause-0")
        assert {project.get(task)["status"] for task in accepted} == {"pending"}
        stats = run_a2actl(deployed.stack, "queue", "stats")
        assert "Work: paused since " in stats
    finally:
        run_a2actl(deployed.stack, "queue", "resume")
    assert {project.wait(task)["status"] for task in accepted} == {"completed"}
    for n in range(3):
        assert len(deployed.calls(f"e2e-pause-{n}")) == 1
    wait_until(
        lambda: "Work: running" in run_a2actl(deployed.stack, "queue", "stats"), 5, "the switch is off"
    )
