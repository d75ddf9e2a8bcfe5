"""Checks that queues have the right dead-letter queues, and that these are empty."""

import json
from collections.abc import Iterator
from typing import Any

from a2actl.dead_letters.queue import name_of
from a2actl.dead_letters.queues import ALL
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SUBJECT, DEAD = "Queues", "Dead letters"


def check_queues(target: Target) -> Iterator[Finding]:
    waiting: list[str] = []
    wrong: list[str] = []
    for letters in ALL.values():
        for source in letters.sources:
            found = _attributes(target, target.deployment.output(source))
            dead_letters = name_of(target.deployment.output(letters.output))
            if _gives_up_to(found) != dead_letters:
                wrong.append(
                    f"{source.removesuffix('Url')} has the dead-letter queue {_gives_up_to(found) or 'none'}"
                )
            waiting.append(f"{source.removesuffix('Url')} {found['ApproximateNumberOfMessages']}")
    if wrong:
        remedy = "Deploy again: the queue was changed manually."
        yield Finding.fault(SUBJECT, ", ".join(wrong), remedy, "runbook/dead-letters.md")
    else:
        yield Finding.ok(SUBJECT, f"waiting: {', '.join(waiting)}")


def check_dead_letters(target: Target) -> Iterator[Finding]:
    found = {name: target.deployment.dead_letters(name).state().messages for name in ALL}
    for name, letters in ALL.items():
        if messages := found[name]:
            remedy = f"Show them: a2actl dlq show {name.value}"
            told = f"{name.value}: {messages} {letters.holds}"
            yield Finding.fault(DEAD, told, remedy, f"runbook/{letters.page}.md")
    if not any(found.values()):
        yield Finding.ok(DEAD, f"none in {len(ALL)} queues")


def _attributes(target: Target, url: str) -> dict[str, str]:
    answer: Any = target.deployment.account.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(answer["Attributes"])


def _gives_up_to(attributes: dict[str, str]) -> str | None:
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    dead_letters = policy.get("deadLetterTargetArn")
    return str(dead_letters).rpartition(":")[2] if dead_letters else None
