"""A dead-letter queue that SQS itself sends again."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from a2actl.dead_letters.moving import MessageMove, NotSupported
from a2actl.terminal.fault import Fault


class MovingSqs:
    """SQS's own moving of messages, which moto has not: ``moves`` are its answers to who asks."""

    def __init__(self, *moves: dict[str, Any], start: str | None = None, why: str = "") -> None:
        self.moves: Iterator[dict[str, Any]] = iter(moves)
        self.started: list[dict[str, Any]] = []
        self._refusal, self._why = start, why

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        move = next(self.moves)
        return {"Results": [move] if move else []}

    def start_message_move_task(self, **arguments: Any) -> dict[str, str]:
        self.started.append(arguments)
        if self._refusal:
            refusal: Any = {"Error": {"Code": self._refusal, "Message": self._why}}
            raise ClientError(refusal, "StartMessageMoveTask")
        return {"TaskHandle": "handle"}


def moving(sqs: MovingSqs, destination: str | None = "arn:source") -> MessageMove:
    client: Any = sqs
    return MessageMove(client, "arn:dead", destination, sleep=lambda _: None)


RUNNING = {
    "Status": "RUNNING",
    "StartedTimestamp": 2,
    "ApproximateNumberOfMessagesMoved": 40,
    "ApproximateNumberOfMessagesToMove": 100,
}
DONE = {"Status": "COMPLETED", "StartedTimestamp": 2, "ApproximateNumberOfMessagesMoved": 100}
EARLIER = {"Status": "COMPLETED", "StartedTimestamp": 1, "ApproximateNumberOfMessagesMoved": 3}


def test_a_move_is_started_and_followed() -> None:
    sqs, told = MovingSqs({}, RUNNING, DONE), list[tuple[int, int | None]]()
    assert moving(sqs).run(lambda *now: told.append(now)) == 100
    assert sqs.started == [{"SourceArn": "arn:dead", "DestinationArn": "arn:source"}]
    assert told == [(40, 100)]


def test_of_several_sources_each_message_goes_to_its_own() -> None:
    sqs = MovingSqs(EARLIER, RUNNING, DONE)
    moving(sqs, None).run(lambda *_: None)
    assert sqs.started == [{"SourceArn": "arn:dead"}]


def test_a_move_under_way_is_followed_and_no_second_started() -> None:
    sqs = MovingSqs(RUNNING, RUNNING, DONE)
    assert moving(sqs).run(lambda *_: None) == 100
    assert sqs.started == []


def test_one_that_fails_says_how_far_it_came() -> None:
    failed = RUNNING | {"Status": "FAILED", "FailureReason": "CouldNotSend"}
    with pytest.raises(Fault, match="after 40: CouldNotSend"):
        moving(MovingSqs({}, failed)).run(lambda *_: None)


def test_where_sqs_does_not_the_command_does() -> None:
    sqs = MovingSqs({}, start="AWS.SimpleQueueService.UnsupportedOperation")
    with pytest.raises(NotSupported):
        moving(sqs).run(lambda *_: None)


@pytest.mark.parametrize("code", ["InvalidParameterValue", "AWS.SimpleQueueService.UnsupportedOperation"])
def test_one_whose_start_the_sdk_repeats_is_followed(code: str) -> None:
    why = "There is already a task running. Only one active task is allowed for a source queue arn."
    sqs = MovingSqs(EARLIER, EARLIER, RUNNING, DONE, start=code, why=why)
    assert moving(sqs).run(lambda *_: None) == 100


def test_an_earlier_move_that_is_listed_still_is_not_taken_for_this_one() -> None:
    sqs = MovingSqs(EARLIER, EARLIER, {}, RUNNING, DONE)
    assert moving(sqs).run(lambda *_: None) == 100


def test_one_that_is_never_listed_is_no_success() -> None:
    with pytest.raises(Fault, match="stopped moving"):
        moving(MovingSqs(*[EARLIER] * 99)).run(lambda *_: None)
