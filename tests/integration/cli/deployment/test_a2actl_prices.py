"""``a2actl prices`` on a deployed stack and on the local one."""

import json

from a2a_tasks.domain.pricing.table import TABLE
from tests.integration.cli.terminal import Operator, deploy


def on(operator: Operator, backend: str = "claude-api", own: str | None = None) -> Operator:
    """The operator of a stack with these settings; without ``own``, of a release without the parameter."""
    parameters = None if own is None else {"ModelPrices": own}
    deploy("priced", {"ClaudeBackend": backend}, parameters)
    return Operator(operator.directory, ("--stack", "priced"))


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.split("\n\n")[0].splitlines()]


def test_the_list_is_shown_with_its_rules_its_date_and_its_source(operator: Operator) -> None:
    shown = on(operator, own="").run("prices")

    assert shown.exit_code == 0
    heads, *table = rows(shown.stdout)
    assert heads == ["MODEL", "INPUT", "OUTPUT", "CACHE READ", "WRITE 5M", "WRITE 1H", "BATCH", "FROM"]
    by_model = {row[0]: row[1:] for row in table}
    assert by_model["claude-opus-5-5"] == ["$4.00", "$20.00", "$0.20", "$5.00", "$8.00", "×0.5", "list"]
    assert by_model["claude-haiku-5-5"] == ["$0.10", "$0.50", "$0.01", "$0.125", "$0.20", "×0.5", "list"]
    long = by_model["claude-haiku-5-5, prompts over 100,000"]
    assert long == ["$0.50", "$2.50", "$0.05", "$0.625", "$1.00", "×0.5", "list"]
    assert not [model for model in by_model if model.startswith("anthropic.")]
    rules = shown.stdout.split("\n\n")[1]
    for said in ("$0.01 each", "$0.05 per hour", "×1.1 in us", TABLE.as_of.isoformat(), TABLE.source):
        assert said in rules


def test_a_stack_on_bedrock_shows_bedrocks_models(operator: Operator) -> None:
    _, *table = rows(on(operator, "bedrock").run("prices").stdout)

    assert {"anthropic.claude-opus-5-5", "anthropic.claude-haiku-5-5"} <= {row[0] for row in table}
    assert all(row[0].startswith("anthropic.") for row in table)


OWN = {"claude-opus-5-5": {"input": 3.6}, "claude-of-2027": {"input": 1, "output": 5}}


def test_the_stacks_own_prices_go_over_the_list(operator: Operator) -> None:
    shown = on(operator, own=json.dumps(OWN)).run("prices", "--json")

    printed = json.loads(shown.stdout)
    assert printed["models"]["claude-opus-5-5"] == {
        "input": 3.6,
        "output": 20.0,
        "cacheRead": 0.05,
        "cacheWrite": 1.25,
        "cacheWrite1h": 2.0,
        "batch": 0.5,
        "from": "ModelPrices",
    }
    assert printed["models"]["claude-of-2027"]["from"] == "ModelPrices"
    haiku = printed["models"]["claude-haiku-5-5"]
    assert (haiku["longPrompt"], haiku["from"]) == ({"above": 100_000, "input": 0.5, "output": 2.5}, "list")
    assert {name: printed[name] for name in printed if name != "models"} == {
        "asOf": TABLE.as_of.isoformat(),
        "source": TABLE.source,
        "webSearchUsd": 0.01,
        "codeExecutionUsdPerHour": 0.05,
        "inferenceGeo": {"us": 1.1},
    }


def test_what_is_printed_as_json_can_be_the_parameter(operator: Operator) -> None:
    """All but where it came from."""
    printed = json.loads(on(operator, own=json.dumps(OWN)).run("prices", "--json").stdout)
    again = {
        model: {name: value for name, value in price.items() if name != "from"}
        for model, price in printed["models"].items()
    }
    deploy("again", {"ClaudeBackend": "claude-api"}, {"ModelPrices": json.dumps(again)})

    shown = Operator(operator.directory, ("--stack", "again")).run("prices", "--json")

    assert json.loads(shown.stdout)["models"].keys() == printed["models"].keys()
    assert json.loads(shown.stdout)["models"]["claude-opus-5-5"]["input"] == 3.6


def test_prices_that_cannot_be_used_are_named(operator: Operator) -> None:
    refused = on(operator, own='{"claude-opus-5-5": {"input": "4"}}').run("prices")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "The stack's parameter ModelPrices cannot be used: claude-opus-5-5.input must be a number from 0 to"
        ' 10000000, not "4".\n'
    )


def test_a_release_without_the_parameter_has_the_list(operator: Operator) -> None:
    assert "claude-opus-5-5\t$4.00\t$20.00" in on(operator).run("prices").stdout


def test_the_local_stack(local_operator: Operator) -> None:
    assert "claude-opus-5-5\t$4.00\t$20.00" in local_operator.run("prices").stdout
