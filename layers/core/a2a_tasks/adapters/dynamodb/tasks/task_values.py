"""Parts of tasks as values of attributes, both ways: ``…_value`` is stored, ``to_…`` reads it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.history.event import Event, EventType
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.task import (
    Artifact,
    ArtifactForm,
    Budget,
    Parent,
    Payload,
    Progress,
    Question,
    Slot,
    TaskRef,
)
from a2a_tasks.domain.text.packed import packed, unpacked
from a2a_tasks.domain.tracing.task_trace import TaskTrace
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.payloads import is_item, item_key, item_of


def text_value(text: bytes) -> dict[str, Any]:
    """A text as attributes of an item."""
    compressed = packed(text)
    return {"text": text.decode()} if compressed is None else {"packed": compressed}


def to_text(values: Mapping[str, Any]) -> bytes:
    if "packed" in values:
        return unpacked(bytes(values["packed"]))
    return str(values["text"]).encode()


def payload_value(payload: Payload) -> dict[str, Any]:
    if payload.key is None:
        return text_value((payload.inline or "").encode())
    if is_item(payload.key):
        return {"item": item_of(payload.key)[1]}
    return {"key": payload.key, "sha256": payload.sha256 or ""}


def to_payload(task_id: str, value: Mapping[str, Any]) -> Payload:
    """A text of its own is known by the digest that its name ends with."""
    if "item" in value:
        name = str(value["item"])
        return Payload(key=item_key(task_id, name), sha256=name.rpartition("#")[2])
    if "key" in value:
        return Payload(key=value["key"], sha256=value["sha256"])
    return Payload(inline=to_text(value).decode())


def failure_value(failure: Failure) -> dict[str, str]:
    return {"code": failure.code.value, "message": failure.message}


def to_failure(value: Mapping[str, str]) -> Failure:
    return Failure(FailureCode(value["code"]), value["message"])


def spent_value(spent: tuple[Spent, ...]) -> list[dict[str, Any]]:
    return [
        _known(
            attempt=entry.attempt,
            model=entry.model,
            taskId=entry.task_id,
            reserved=entry.reserved or None,
        )
        | _usage_value(entry.usage)
        for entry in spent
    ]


def to_spent(values: Mapping[str, Any]) -> tuple[Spent, ...]:
    return tuple(
        Spent(
            int(entry["attempt"]),
            entry["model"],
            _usage(entry),
            entry.get("taskId"),
            entry.get("reserved", False),
        )
        for entry in values["spent"]
    )


def used_value(used: Mapping[str, Usage]) -> list[list[Any]]:
    """A task's bill. Without names, since it is in the record beside ``spent``, and both must stay small."""
    return [
        [
            model,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.turns,
            *([] if usage.cost_usd is None else [usage.cost_usd]),
        ]
        for model, usage in used.items()
    ]


def to_used(value: Sequence[Sequence[Any]]) -> dict[str, Usage]:
    return {
        model: Usage(int(input_), int(output), int(read), int(written), int(turns), *cost)
        for model, input_, output, read, written, turns, *cost in value
    }


def step_value(step: Step) -> dict[str, Any]:
    return {"at": step.at, "attempt": step.attempt} | _known(
        tool=step.tool,
        isOpen=step.is_open or None,
        isError=step.is_error or None,
        child=None if step.child is None else ref_value(step.child),
        calls=step.calls or None,
        used=used_value(step.used) or None,
    )


def to_step(value: Mapping[str, Any]) -> Step:
    return Step(
        at=int(value["at"]),
        attempt=int(value["attempt"]),
        tool=value.get("tool"),
        is_open=bool(value.get("isOpen", False)),
        is_error=bool(value.get("isError", False)),
        child=to_ref(value["child"]) if "child" in value else None,
        calls=int(value.get("calls", 0)),
        used=to_used(value.get("used", ())),
    )


def counted_value(counted: Usage) -> dict[str, Any]:
    return {"costUsd": counted.cost_usd or Decimal(0), "tokens": counted.tokens}


def to_counted(value: Mapping[str, Decimal]) -> Usage:
    return Usage(input_tokens=int(value["tokens"]), cost_usd=value["costUsd"])


def refs_value(refs: tuple[TaskRef, ...]) -> list[dict[str, str]]:
    return [ref_value(ref) for ref in refs]


def ref_value(ref: TaskRef) -> dict[str, str]:
    return {"agentId": ref.agent_id, "taskId": ref.task_id}


def to_ref(value: Mapping[str, str]) -> TaskRef:
    return TaskRef(value["agentId"], value["taskId"])


def parent_value(parent: Parent) -> dict[str, str]:
    return ref_value(parent.ref) | {"callId": parent.call_id}


def to_parent(value: Mapping[str, str]) -> Parent:
    return Parent(to_ref(value), value["callId"])


def to_budget(value: Mapping[str, Decimal]) -> Budget:
    return Budget(value.get("costUsd"), optional_int(value.get("tokens")))


def progress_value(progress: Progress) -> dict[str, Any]:
    return _known(tool=progress.tool, step=progress.step, percent=progress.percent)


def to_progress(value: Mapping[str, Any]) -> Progress:
    return Progress(value.get("tool"), value.get("step"), optional_int(value.get("percent")))


def slot_value(slot: Slot) -> dict[str, int]:
    return {"number": slot.number, "fence": slot.fence, "at": slot.at}


def to_slot(value: Mapping[str, Decimal]) -> Slot:
    return Slot(int(value["number"]), int(value["fence"]), int(value["at"]))


def question_value(question: Question) -> dict[str, Any]:
    options = {"options": list(question.options)} if question.options else {}
    return {"callId": question.call_id, "text": question.text} | options


def to_question(value: Mapping[str, Any]) -> Question:
    return Question(value["callId"], value["text"], tuple(value.get("options", ())))


def undelivered_value(undelivered: Undelivered) -> dict[str, int]:
    return {"times": undelivered.times, "resentAt": undelivered.resent_at}


def to_undelivered(value: Mapping[str, Decimal]) -> Undelivered:
    return Undelivered(int(value["times"]), int(value["resentAt"]))


def artifacts_value(artifacts: tuple[Artifact, ...]) -> list[dict[str, Any]]:
    return [
        _known(
            artifactId=artifact.artifact_id,
            name=artifact.name,
            mediaType=artifact.media_type,
            sizeBytes=artifact.size_bytes,
            key=artifact.key,
            url=artifact.url,
            form=artifact.form.value,
        )
        for artifact in artifacts
    ]


def to_artifact(value: Mapping[str, Any]) -> Artifact:
    return Artifact(
        artifact_id=value["artifactId"],
        name=value["name"],
        media_type=value["mediaType"],
        size_bytes=optional_int(value.get("sizeBytes")),
        key=value.get("key"),
        url=value.get("url"),
        form=ArtifactForm(value["form"]),
    )


def event_value(event: Event) -> dict[str, Any]:
    skipped = {"skipped": event.skipped} if event.skipped else {}
    return {"at": event.at, "type": event.type.value} | dict(event.details) | skipped


def to_event(value: Mapping[str, Any]) -> Event:
    parts = {name: int(part) if isinstance(part, Decimal) else part for name, part in value.items()}
    at, kind, skipped = int(parts.pop("at")), str(parts.pop("type")), int(parts.pop("skipped", 0))
    return Event(at, EventType(kind), parts, skipped)


def _usage_value(usage: Usage) -> dict[str, Any]:
    values: dict[str, Any] = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cacheRead": usage.cache_read_tokens,
        "cacheWrite": usage.cache_write_tokens,
        "turns": usage.turns,
    }
    if usage.web_searches:
        values["webSearches"] = usage.web_searches
    return values if usage.cost_usd is None else values | {"costUsd": usage.cost_usd}


def _usage(value: Mapping[str, Decimal]) -> Usage:
    return Usage(
        int(value["input"]),
        int(value["output"]),
        int(value["cacheRead"]),
        int(value["cacheWrite"]),
        int(value["turns"]),
        value.get("costUsd"),
        int(value.get("webSearches", 0)),
    )


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def optional_int(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


def budget_value(budget: Budget) -> dict[str, Any]:
    return _known(costUsd=budget.cost_usd, tokens=budget.tokens)


def trace_value(trace: TaskTrace) -> dict[str, Any]:
    state = {"state": trace.state} if trace.state else {}
    return {"parent": trace.traceparent, "recorded": trace.is_recorded} | state


def to_trace(value: Mapping[str, Any]) -> TaskTrace:
    return TaskTrace.of_stored(value["parent"], value.get("state", ""), is_recorded=value["recorded"])
