"""Files that the model's code makes: kept once, whatever dies, and never at the cost of the task."""

from typing import Any

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.tools.service import MAX_ARTIFACTS
from a2a_tasks.execution.tools.made_files import MAX_FILE_BYTES, MAX_FILES_BYTES, files_in
from a2a_tasks.ports.model import ModelFile, ModelFileUnavailable, ModelReply
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import USAGE, answer


def made(*file_ids: str, kind: str = "code_execution") -> dict[str, Any]:
    outputs = [{"type": f"{kind}_output", "file_id": file_id} for file_id in file_ids]
    result = {"type": f"{kind}_result", "stdout": "", "stderr": "", "return_code": 0, "content": outputs}
    return {"type": f"{kind}_tool_result", "tool_use_id": "s-1", "content": result}


def reply(*blocks: dict[str, Any], stop_reason: str = "end_turn", text: str = "Done.") -> ModelReply:
    return ModelReply([*blocks, {"type": "text", "text": text}], text, stop_reason, USAGE)


@pytest.fixture
def coder(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(allowed_tools=("CodeExecution", "Read")))
    for name in ("file_a", "file_b"):
        deployment.files.files[name] = ModelFile(f"{name}.csv", "text/csv", b"1,2")
    return deployment


def output(deployment: Deployment, task: Task) -> dict[str, Any]:
    shown = deployment.shown(task)["output"]
    return {name: value for name, value in shown.items() if name != "artifacts"}


def test_files_are_found_in_every_kind_of_result_and_once_each() -> None:
    error = {"type": "code_execution_tool_result_error", "error_code": "unavailable"}
    encrypted = {"type": "encrypted_code_execution_result", "content": [{"file_id": "file_c"}]}
    content = [
        {"type": "text", "text": "file_x"},
        made("file_a", "file_b"),
        made("file_b", "../secret", "", kind="bash_code_execution"),
        {"type": "code_execution_tool_result", "tool_use_id": "s-2", "content": error},
        {"type": "code_execution_tool_result", "tool_use_id": "s-3", "content": encrypted},
    ]

    assert files_in(content) == ["file_a", "file_b", "file_c"]


def test_they_are_kept_at_each_checkpoint_and_a_file_that_comes_again_is_kept_once(coder: Deployment) -> None:
    task = coder.submit()
    coder.model.then(reply(made("file_a"), stop_reason="pause_turn"), reply(made("file_b", "file_a")))

    coder.work()

    ended = coder.now_of(task)
    assert (ended.status, ended.usage.turns) == (Status.COMPLETED, 2)
    assert [each.name for each in ended.artifacts] == ["file_a.csv", "file_b.csv"]
    assert coder.files.fetched == ["file_a", "file_b"]
    assert output(coder, task) == {"result": "Done."}


@pytest.mark.parametrize(
    ("point", "call"),
    [
        *(("records.put_record", call) for call in (1, 2, 3)),
        *(("files.fetch", call) for call in (1, 2)),
        *(("payloads.put", call) for call in (1, 2)),
        *(("store.advance", call) for call in (1, 2, 3)),
        ("store.finish", 1),
    ],
)
@pytest.mark.parametrize("is_after", [False, True])
def test_whatever_dies_the_answer_is_bought_once_it_is_kept_and_nothing_is_doubled(
    coder: Deployment, point: str, is_after: bool, call: int
) -> None:
    task = coder.submit()
    coder.model.then(reply(made("file_a", "file_b")), reply(made("file_a", "file_b")))
    points = Failpoints()
    points.fail(point, Crash("dead"), call=call, after=is_after)

    with pytest.raises(Crash):
        coder.work(points)
    coder.clock.advance(60)
    kept = any("TURN#" in each.key for each in coder.records.records(task.ref.task_id))
    coder.work()

    ended = coder.now_of(task)
    assert ended.status is Status.COMPLETED
    assert sorted(each.artifact_id for each in ended.artifacts) == ["file_a", "file_b"]
    assert coder.model.bought == (1 if kept else 2)
    told = [event.details for event in ended.events if event.type == "artifact"]
    assert sorted(each["artifactId"] for each in told) == ["file_a", "file_b"]


def test_one_that_cannot_be_had_is_named_and_not_asked_for_again(coder: Deployment) -> None:
    task = coder.submit()
    coder.files.failures["file_a"] = [ModelFileUnavailable("it has expired", "a.csv")]
    coder.model.then(reply(made("file_a"), stop_reason="pause_turn"), reply(made("file_a", "file_b")))

    coder.work()

    assert coder.now_of(task).status is Status.COMPLETED
    assert coder.files.fetched == ["file_a", "file_b"]
    assert output(coder, task) == {
        "result": "Done.",
        "notes": ["a.csv could not be kept: it has expired"],
    }


def test_one_that_may_come_is_tried_once_more(coder: Deployment) -> None:
    task = coder.submit()
    coder.files.failures["file_a"] = [ModelFileUnavailable("busy", may_come=True)]
    coder.files.failures["file_b"] = [ModelFileUnavailable("busy", may_come=True)] * 2
    coder.model.then(reply(made("file_a", "file_b")))

    coder.work()

    assert [each.artifact_id for each in coder.now_of(task).artifacts] == ["file_a"]
    assert output(coder, task)["notes"] == ["file_b could not be kept: busy"]


def test_their_size_and_number_are_limited(coder: Deployment) -> None:
    task = coder.submit()
    names = [f"file_{n}" for n in range(MAX_ARTIFACTS + 1)]
    coder.files.files = {name: ModelFile(name, "text/plain", b"x") for name in names}
    coder.files.files["file_0"] = ModelFile("large", "text/plain", b"x" * (MAX_FILE_BYTES + 1))
    many = MAX_FILES_BYTES // MAX_FILE_BYTES
    for name in names[1 : many + 1]:
        coder.files.files[name] = ModelFile(name, "text/plain", bytes(MAX_FILE_BYTES))
    coder.model.then(reply(made(*names)))

    coder.work()

    assert [each.artifact_id for each in coder.now_of(task).artifacts] == names[1 : many + 1]
    notes = output(coder, task)["notes"]
    assert notes[0] == f"large could not be kept: it has more than {MAX_FILE_BYTES} bytes"
    assert len(notes) == len(names) - many
    assert coder.now_of(task).status is Status.COMPLETED


def test_a_task_that_takes_long_over_them_stops_asking(coder: Deployment) -> None:
    task = coder.submit()
    fetch = coder.files.fetch

    async def slowly(file_id: str, max_bytes: int) -> ModelFile:
        await coder.clock.sleep(31)
        return await fetch(file_id, max_bytes)

    coder.files.fetch = slowly  # type: ignore[method-assign]
    coder.files.files["file_c"] = coder.files.files["file_a"]
    coder.model.then(reply(made("file_a", "file_b", "file_c")), answer())

    coder.work()

    assert coder.files.fetched == ["file_a", "file_b"]
    assert output(coder, task)["notes"] == ["file_c could not be kept: there was no time left for it"]
