"""The stand-in as Claude on AWS and as Bedrock, with the real SDK's clients for them."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropicAWS, AsyncAnthropicBedrockMantle

from local.standin.client import StandInClient
from tests.integration.standin.sdk import user

pytestmark = pytest.mark.anyio
MODEL, BEDROCK_MODEL = "claude-sonnet-5", "anthropic.claude-sonnet-5"
ACCOUNT: dict[str, Any] = {
    "aws_access_key": "AKIATEST",
    "aws_secret_key": "secret",
    "aws_region": "eu-central-1",
    "max_retries": 0,
}


@pytest.fixture
async def aws(standin: StandInClient) -> AsyncIterator[AsyncAnthropicAWS]:
    async with AsyncAnthropicAWS(base_url=standin.base_url, workspace_id="wrkspc_1", **ACCOUNT) as client:
        yield client


@pytest.fixture
async def bedrock(standin: StandInClient) -> AsyncIterator[AsyncAnthropicBedrockMantle]:
    async with AsyncAnthropicBedrockMantle(base_url=f"{standin.base_url}/anthropic", **ACCOUNT) as client:
        yield client


async def reply_of(client: Any, model: str, **parameters: Any) -> Any:
    options = {"model": model, "max_tokens": 99, "messages": [user("[[standin: say=ok]]")]} | parameters
    async with client.messages.stream(**options) as events:
        return await events.get_final_message()


async def test_claude_on_aws_has_the_whole_api(aws: AsyncAnthropicAWS, standin: StandInClient) -> None:
    search: Any = {"type": "web_search_20260318", "name": "web_search"}
    reply = await reply_of(aws, MODEL, tools=[search], messages=[user("[[standin: server=web_search]]")])
    standin.end_batches_after(0)
    batch = await aws.messages.batches.create(
        requests=[{"custom_id": "a", "params": {"model": MODEL, "max_tokens": 9, "messages": [user("hi")]}}]
    )
    lines = [line async for line in await aws.messages.batches.results(batch.id)]

    assert reply.content[0].name == "web_search"
    assert [line.result.type for line in lines] == ["succeeded"]
    assert MODEL in [model.id async for model in aws.models.list()]
    call = standin.calls()[0]
    assert (call.backend, call.authorization) == ("aws", "sigv4:aws-external-anthropic")
    assert standin.requests(0).headers["authorization"] == "[redacted]"
    assert standin.requests(0).headers["anthropic-workspace-id"] == "wrkspc_1"


async def test_bedrock_answers_messages_under_its_own_names(
    bedrock: AsyncAnthropicBedrockMantle, standin: StandInClient
) -> None:
    reply = await reply_of(bedrock, BEDROCK_MODEL)
    beta = await bedrock.beta.messages.create(
        model=BEDROCK_MODEL, max_tokens=9, messages=[user("[[standin: say=beta]]")]
    )
    count = await bedrock.messages.count_tokens(model=BEDROCK_MODEL, messages=[user("hi")])

    assert reply.content[0].text == "ok"
    assert reply.model == BEDROCK_MODEL
    assert [block.text for block in beta.content if block.type == "text"] == ["beta"]
    assert count.input_tokens > 0
    call = standin.calls()[0]
    assert (call.path, call.backend, call.authorization) == (
        "/anthropic/v1/messages",
        "bedrock",
        "sigv4:bedrock-mantle",
    )


async def test_bedrock_is_known_by_its_signature_too(standin: StandInClient) -> None:
    async with AsyncAnthropicBedrockMantle(base_url=standin.base_url, **ACCOUNT) as client:
        await reply_of(client, BEDROCK_MODEL)

    assert standin.calls()[0].backend == "bedrock"


async def test_bedrock_takes_a_key_in_place_of_a_signature(standin: StandInClient) -> None:
    async with AsyncAnthropicBedrockMantle(
        base_url=f"{standin.base_url}/anthropic", api_key="bedrock-key", aws_region="eu-central-1"
    ) as client:
        await reply_of(client, BEDROCK_MODEL)

    assert (standin.calls()[0].backend, standin.calls()[0].authorization) == ("bedrock", "bearer")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools.0: Input tag"),
        ({"tools": [{"type": "code_execution_20260521", "name": "code_execution"}]}, "tools.0: Input tag"),
        (
            {"mcp_servers": [{"type": "url", "name": "docs", "url": "https://a.example"}]},
            "mcp_servers: Extra",
        ),
        ({"context_management": {"edits": []}}, "context_management: Extra inputs"),
    ],
)
async def test_bedrock_refuses_what_needs_anthropics_servers(
    bedrock: AsyncAnthropicBedrockMantle, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=message):
        await bedrock.beta.messages.create(
            model=BEDROCK_MODEL,
            max_tokens=9,
            messages=[user("hi")],
            betas=["mcp-client-2025-11-20", "context-management-2025-06-27"],
            **parameters,
        )


async def test_bedrock_has_no_batches_and_no_models(standin: StandInClient) -> None:
    headers = {"authorization": "Bearer bedrock-key"}
    async with httpx2.AsyncClient(base_url=f"{standin.base_url}/anthropic/v1", headers=headers) as client:
        batches = await client.post("/messages/batches", json={"requests": []})
        models = await client.get("/models")

    assert (batches.status_code, models.status_code) == (400, 404)
    assert "not supported" in batches.json()["error"]["message"]


@pytest.mark.parametrize("on_bedrock", [True, False])
async def test_each_backend_has_names_of_its_own_for_models(
    aws: AsyncAnthropicAWS, bedrock: AsyncAnthropicBedrockMantle, on_bedrock: bool
) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await (reply_of(bedrock, MODEL) if on_bedrock else reply_of(aws, BEDROCK_MODEL))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/s3/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/aws-external-anthropic/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/bedrock-mantle/aws4_request, "
        f"SignedHeaders=x-amz-date, Signature={'0' * 64}",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/bedrock-mantle/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=short",
    ],
)
async def test_a_signature_for_another_service_or_none_is_refused(
    standin: StandInClient, authorization: str
) -> None:
    headers = {"authorization": authorization, "x-amz-date": "20260101T000000Z"}
    async with httpx2.AsyncClient(base_url=f"{standin.base_url}/anthropic", headers=headers) as client:
        answer = await client.post("/v1/messages", json={})

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
