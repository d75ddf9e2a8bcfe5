"""The short cuts that tests take through moto and botocore come to what those come to by themselves."""

import json
import re
from collections.abc import Callable
from functools import partial
from string import Formatter
from typing import Any

import boto3
import pytest
from botocore import compat
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.hooks import EventAliaser
from moto import mock_aws
from moto.core.request import Request
from moto.dynamodb.models.dynamo_type import DynamoType

from tests.integration.support.moto.answers import quick_answers
from tests.integration.support.moto.expressions import quick_expressions
from tests.integration.support.moto.quick_sdk import accepts_kwargs
from tests.integration.support.moto.requests import quick_requests
from tests.integration.support.moto.stacks import quick_stacks

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
ITEM: dict[str, Any] = KEY | {
    "note": {"S": "ü\n"},
    "bare": {"S": ""},
    "number": {"N": "1.50"},
    "octets": {"B": b"\x00\xff"},
    "is_on": {"BOOL": True},
    "nil": {"NULL": True},
    "labels": {"SS": ["a", "b"]},
    "figures": {"NS": ["1", "2"]},
    "pieces": {"BS": [b"x"]},
    "list": {"L": [{"S": "x"}, {"M": {"b": {"B": b"y"}, "n": {"N": "1"}}}, {"L": []}]},
    "map": {"M": {"S": {"S": "a name that is a type"}, "inner": {"M": {}}, "no": {"BOOL": False}}},
}
NAMES = ("number", "list", "map", "no", "n")
VALUES = {":n": {"N": "2"}, ":l": {"L": [{"S": "z"}]}, ":s": {"SS": ["c"]}, ":t": {"S": "t"}}
UPDATES = [
    "SET #number = #number + :n, note = :t, bare = if_not_exists(bare, :t), added = if_not_exists(added, :n)",
    "SET #list = list_append(#list, :l), #map.#no = :t, #list[0] = :t REMOVE nil, is_on ADD labels :s",
    "REMOVE #list[0], #list[1] DELETE labels :s",
    "ADD tally :n SET rest_of = if_not_exists(nowhere, :n) - :n",
]
WRONG_UPDATES = [
    "SET note = :t, note = :n",  # twice
    "SET note = :t, bare = :t, note = :n, bare = :n",
    "SET note = :t SET bare = :t",  # two clauses
    "SET pk = :t",
    "SET #map.nowhere.k = :t",
    "SET note = note + :n",
    "SET note = ",
    "SET note = :unknown",
]
CONDITIONS = [
    "attribute_exists(pk) AND (#number < :n OR NOT note = :t)",
    "attribute_not_exists(pk)",
    "size(#list) >= :n AND begins_with(note, :t)",
    "#number BETWEEN :n AND :n OR #number IN (:n, :t) OR contains(labels, :t)",
    "#map.#no <> :t AND #list[1].#n = :n",
    "nowhere = :t",
]
WRONG_CONDITIONS = [
    "note = ",
    "note % :t",
]


class Written:
    """The JSON of each answer as it is on the wire, and errors."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.client: Any = boto3.client("dynamodb")
        self.client.meta.events.register("before-parse.dynamodb", self._note)
        self.client.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEY],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        self.answers.clear()

    def call(self, operation: str, **parameters: Any) -> None:
        """``Expression…`` that an expression does not use is an error, so it gets those that it does."""
        text = " ".join(value for name, value in parameters.items() if name.endswith("Expression"))
        names = {f"#{name}": name for name in NAMES if re.search(rf"#{name}\b", text)}
        values = {name: value for name, value in VALUES.items() if name in text}
        used = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        try:
            self.client._make_api_call(
                operation, {"TableName": "t"} | parameters | {name: used[name] for name in used if used[name]}
            )
        except (ClientError, ValueError) as error:
            self.answers.append(repr(error))

    def _note(self, response_dict: Any, **_: Any) -> None:
        self.answers.append(json.loads(response_dict["body"]))


def everything_is_read(written: Written) -> None:
    written.call("PutItem", Item=ITEM)
    written.call("PutItem", Item=ITEM, ReturnValues="ALL_OLD")
    written.call("GetItem", Key=KEY)
    written.call("GetItem", Key={"pk": {"S": "b"}, "sk": {"S": "1"}})
    written.call("GetItem", Key=KEY, ProjectionExpression="#map, note, labels")
    written.call("Query", KeyConditionExpression="pk = :t AND begins_with(sk, :n)")
    written.call("Scan")


def updated(expression: str) -> Callable[[Written], None]:
    def update(written: Written) -> None:
        for returned in ("ALL_NEW", "UPDATED_OLD"):
            written.call("PutItem", Item=ITEM)
            written.call("UpdateItem", Key=KEY, UpdateExpression=expression, ReturnValues=returned)
            written.call("GetItem", Key=KEY)

    return update


def checked(condition: str) -> Callable[[Written], None]:
    def check(written: Written) -> None:
        written.call("PutItem", Item=ITEM)
        for _ in range(2):
            written.call(
                "UpdateItem",
                Key=KEY,
                UpdateExpression="SET note = :t",
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            written.call("DeleteItem", Key=KEY, ConditionExpression=condition)
            written.call("GetItem", Key=KEY)

    return check


@pytest.mark.parametrize("step", [everything_is_read, *map(updated, UPDATES), *map(checked, CONDITIONS)])
def test_what_is_right_is_done_as_by_moto(step: Callable[[Written], None]) -> None:
    answers = _with_short_cuts(step)

    assert not [answer for answer in answers if "ValidationException" in str(answer)]
    assert answers == _by_moto(step)


@pytest.mark.parametrize("step", [*map(updated, WRONG_UPDATES), *map(checked, WRONG_CONDITIONS)])
def test_what_is_wrong_is_refused_as_by_moto(step: Callable[[Written], None]) -> None:
    answers = _with_short_cuts(step)

    assert [answer for answer in answers if "Validation" in str(answer) or "Error" in str(answer)]
    assert answers == _by_moto(step)


def _with_short_cuts(step: Callable[[Written], None]) -> list[Any]:
    with quick_requests(), quick_answers(), quick_expressions():
        return _by_moto(step)


def _by_moto(step: Callable[[Written], None]) -> list[Any]:
    with mock_aws():
        written = Written()
        step(written)
    return written.answers


def test_an_attribute_is_as_large_as_for_moto() -> None:
    def sizes() -> list[int]:
        return [DynamoType(value).size() for value in ITEM.values()]

    with quick_expressions():
        quickly = sizes()
    assert quickly == sizes()


def test_a_request_has_the_environment_that_moto_gives_it() -> None:
    headers = HTTPHeaders()
    headers["X-Amz-Target"] = "DynamoDB_20120810.GetItem"
    headers["Content-Type"] = "application/x-amz-json-1.0"
    headers["User-Agent"] = b"Boto3/1"  # type: ignore[assignment]
    headers["Content-Length"] = "2"

    def environ() -> dict[str, Any]:
        request = Request.from_primitives("POST", "https://sqs.eu-central-1.amazonaws.com/", headers, b"{}")
        assert request.data == b"{}"
        compared = {**request.environ}
        return {key: compared[key] for key in compared if key not in ("wsgi.input", "werkzeug.request")}

    with quick_requests():
        quickly = environ()
    assert quickly == environ()


def test_a_stack_of_a_template_in_json_is_as_by_moto() -> None:
    template = {
        "Parameters": {"Day": {"Type": "String", "Default": "2026-01-01"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            "Day": {"Value": {"Ref": "Day"}},
            "No": {"Value": "no"},
            "Escaped": {"Value": "\u00fc\n"},
        },
    }

    def described() -> Any:
        with mock_aws():
            client = boto3.client("cloudformation")
            client.create_stack(StackName="s", TemplateBody=json.dumps(template))
            stack = client.describe_stacks(StackName="s")["Stacks"][0]
            found = client.get_template(StackName="s")["TemplateBody"]
            return stack["Parameters"], stack["Outputs"], found

    with quick_stacks():
        quickly = described()
    assert quickly[1]
    assert quickly == described()


def test_a_clients_hooks_are_its_own_and_named_as_by_botocore() -> None:
    def hook(**_: Any) -> None: ...

    session = boto3.Session()
    one: Any = session.client("s3").meta.events
    other: Any = session.client("s3").meta.events
    one.register("needs-retry.s3", hook)
    registered = [
        list(events._emitter._handlers.prefix_search("needs-retry.s3.GetObject")) for events in (one, other)
    ]

    assert registered[0].count(hook) == 1
    assert hook not in registered[1]
    assert len(registered[0]) == len(registered[1]) + 1 > 1
    by_botocore: Any = EventAliaser(other)
    by_botocore._alias_name_cache = {}
    names = [f"before-call.{service}.Do" for service in ("cloudwatch", "elbv2", "logs", "s3", "sfn")]
    aliased = [one._alias_event_name(name) for name in names]
    assert aliased == [by_botocore._alias_event_name(name) for name in names] != names


@pytest.mark.parametrize(
    "handler",
    [
        print,
        partial(print),
        Written.call,
        Formatter().format,
        Formatter().vformat,
        lambda **_: 0,
        lambda _: 0,
    ],
)
def test_hooks_are_looked_at_as_by_botocore(handler: Any) -> None:
    assert bool(accepts_kwargs(handler)) == bool(compat.accepts_kwargs(handler))


@pytest.mark.parametrize("service", ["dynamodb", "s3", "sqs"])
def test_clients_of_a_service_have_its_methods_and_each_its_own_endpoint(service: str) -> None:
    regions = ["eu-west-1", "us-west-2"]
    clients = [boto3.Session(region_name=region).client(service) for region in regions]  # type: ignore[call-overload]

    for client in clients:
        operations = client.meta.service_model.operation_names
        assert {*client.meta.method_to_api_mapping.values()} == {*operations}
        assert all(callable(getattr(client, name)) for name in client.meta.method_to_api_mapping)
    listing = {"dynamodb": "list_tables", "s3": "list_buckets", "sqs": "list_queues"}[service]
    urls: list[str] = []
    with mock_aws():
        for client in clients:
            client.meta.events.register("before-send", lambda request, **_: urls.append(request.url))
            getattr(client, listing)()
    assert [region in url for region, url in zip(regions, urls, strict=True)] == [True, True]
