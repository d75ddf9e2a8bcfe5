"""Which workers stand back."""

import pytest

from a2a_tasks.domain.taker import Taker, stands_back


def taker(name: str, tasks: int, room: int | None = None) -> Taker:
    return Taker(name, tasks, 100 - tasks if room is None else room, until=0)


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [
        (taker("a", 5), [], False),
        (taker("b", 5), [taker("a", 30)], True),
        (taker("a", 30), [taker("b", 5)], False),
        (taker("b", 5), [taker("a", 5)], True),
        (taker("a", 5), [taker("b", 5)], False),
        (taker("b", 20), [taker("a", 60)], False),
        (taker("b", 15), [taker("a", 60)], True),
        (taker("c", 40), [taker("a", 60), taker("b", 50)], True),
        (taker("c", 90), [taker(f"{n}", 91) for n in range(20)], False),
        (taker("c", 5), [taker("a", 80, room=0)], False),
    ],
    ids=[
        "alone",
        "few tasks beside many",
        "many beside few",
        "as many, the later name",
        "as many, the first name",
        "no room to spare for its tasks",
        "just enough",
        "two have room together",
        "nearly full, and all the others",
        "beside one that is full",
    ],
)
def test_the_emptier_stands_back_where_the_fuller_have_room(
    mine: Taker, others: list[Taker], expected: bool
) -> None:
    assert stands_back(mine, others) is expected


def test_of_many_with_as_many_tasks_one_goes_on() -> None:
    all_of_them = [taker(f"{n}", 2) for n in range(5)]
    on = [one for one in all_of_them if not stands_back(one, [each for each in all_of_them if each != one])]
    assert on == all_of_them[:1]
