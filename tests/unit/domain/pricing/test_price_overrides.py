"""A deployment's own prices go over the list's, and what is wrong with them is said by field."""

import json
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.domain.pricing.overrides import BadPrices, with_overrides
from a2a_tasks.domain.pricing.prices import LongPrompt, Price
from a2a_tasks.domain.pricing.table import TABLE

HAIKU, OPUS = "claude-haiku-5-5", "claude-opus-5-5"


def own(**models: Any) -> dict[str, Price]:
    table = {name.replace("_", "-"): entry for name, entry in models.items()}
    return dict(with_overrides(TABLE, json.dumps(table)).models)


@pytest.mark.parametrize("text", ["", " \n", "{}"])
def test_nothing_changes_nothing(text: str) -> None:
    assert with_overrides(TABLE, text) == TABLE


def test_of_a_listed_model_what_is_left_out_stays() -> None:
    models = own(claude_opus_5_5={"input": 3.6, "output": 18})
    assert models[OPUS] == Price(Decimal("3.6"), Decimal(18), Decimal("0.05"))
    assert models[HAIKU] == TABLE.models[HAIKU]


def test_every_field_can_be_set() -> None:
    long_prompt = {"above": 200_000, "input": 6, "output": 22.5}
    factors = {"cacheRead": 0.2, "cacheWrite": 1.5, "cacheWrite1h": 3, "batch": 0.4}
    models = own(m={"input": 3, "output": 15, "longPrompt": long_prompt} | factors)
    assert models["m"] == Price(
        input=Decimal(3),
        output=Decimal(15),
        cache_read=Decimal("0.2"),
        cache_write=Decimal("1.5"),
        cache_write_1h=Decimal(3),
        batch=Decimal("0.4"),
        long_prompt=LongPrompt(200_000, Decimal(6), Decimal("22.5")),
    )


def test_a_new_model_has_the_usual_factors() -> None:
    assert own(m={"input": 0.1, "output": 0.5})["m"] == Price(Decimal("0.1"), Decimal("0.5"))


def test_the_price_of_long_prompts_can_be_lifted() -> None:
    assert own(claude_haiku_5_5={"longPrompt": None})[HAIKU].long_prompt is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: "),
        ("[]", 'must be an object such as {"claude-opus-5-5": {"input": 4, "output": 20}}.'),
        ('{"m": 3}', 'm must be an object such as {"input": 4, "output": 20}.'),
        ('{"m": {"input": 3}}', "m.output is missing; the list has no price of m."),
        ('{"m": {"ouput": 3}}', "m.ouput is not known; a model's fields are input, output, cacheRead, "),
        ('{"m": {"input": "3"}}', 'm.input must be a number from 0 to 10000000, not "3".'),
        ('{"m": {"input": -1}}', "m.input must be a number from 0 to 10000000, not -1"),
        ('{"m": {"input": true}}', "m.input must be a number from 0 to 10000000, not true."),
        ('{"m": {"input": null}}', "m.input must be a number from 0 to 10000000, not null."),
        ('{"m": {"input": NaN}}', "m.input must be a number from 0 to 10000000, not NaN."),
        ('{"m": {"input": 1e999}}', "m.input must be a number from 0 to 10000000, not "),
        ('{"claude-haiku-5-5": {"batch": 1e9}}', "claude-haiku-5-5.batch must be a number from 0 to"),
        ('{"m": {"longPrompt": {"above": 1}}}', "m.longPrompt must be null or an object such as "),
        (
            '{"m": {"longPrompt": {"above": 1, "input": 1, "output": "x"}}}',
            'm.longPrompt.output must be a number from 0 to 10000000, not "x".',
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(BadPrices) as raised:
        with_overrides(TABLE, text)
    assert str(raised.value).startswith(message)
