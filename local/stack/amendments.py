"""Parts of a deployment that the emulator omits, added afterwards from what was deployed."""

import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3

from local.gateway.settings import StreamingRoute, streaming_routes

EVENT_FUNCTION = Path(__file__).parents[1] / "gateway" / "event_function.py"
EVENT_FUNCTION_NAME = "local-gateway-event"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


def apply_gateway_responses(
    session: boto3.Session, endpoint_url: str, *, stack_name: str, api_id: str
) -> int:
    """Activate the gateway's own responses (401, 403, 404 …). Returns how many there are.

    API Gateway reads them from the API's definition. The emulator does not, but accepts each by an API call.
    """
    gateway: Any = session.client("apigateway", endpoint_url=endpoint_url)
    responses = _gateway_responses(_deployed_template(session, endpoint_url, stack_name))
    for response_type, response in responses.items():
        status = {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
        gateway.put_gateway_response(
            restApiId=api_id,
            responseType=response_type,
            responseParameters=dict(response.get("responseParameters", {})),
            responseTemplates=dict(response.get("responseTemplates", {})),
            **status,
        )
    stage = gateway.get_stages(restApiId=api_id)["item"][0]["stageName"]
    gateway.create_deployment(restApiId=api_id, stageName=stage)
    return len(responses)


def hand_out_events(
    session: boto3.Session, endpoint_url: str, *, stack_name: str, api_id: str
) -> tuple[StreamingRoute, ...]:
    """Have the emulator's gateway return the function's event where API Gateway would stream the response:
    the local gateway streams it. Returns those routes. Takes effect with the next deployment."""
    functions = _function_names(session, endpoint_url, stack_name)
    routes = tuple(streaming_routes(_deployed_template(session, endpoint_url, stack_name), functions))
    arn = _put_event_function(session, endpoint_url, like=routes[0].function)
    gateway: Any = session.client("apigateway", endpoint_url=endpoint_url)
    resources = {
        each["path"]: each["id"] for each in gateway.get_resources(restApiId=api_id, limit=500)["items"]
    }
    region = session.region_name
    uri = f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    for route in routes:
        gateway.update_integration(
            restApiId=api_id,
            resourceId=resources[route.resource],
            httpMethod=route.method,
            patchOperations=[{"op": "replace", "path": "/uri", "value": uri}],
        )
    return routes


def apply_concurrency(session: boto3.Session, endpoint_url: str) -> None:
    """Set each queue's maximum concurrency.

    The limit is a parameter of the template. The emulator stores it as text, on which its poller fails.
    """
    functions = session.client("lambda", endpoint_url=endpoint_url)
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if "ScalingConfig" in mapping:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"],
                ScalingConfig={"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])},
            )


def allow_plain_http(session: boto3.Session, endpoint_url: str, *, bucket: str) -> None:
    """Delete the bucket's policy, which denies everything but TLS: the emulator speaks plain HTTP."""
    session.client("s3", endpoint_url=endpoint_url).delete_bucket_policy(Bucket=bucket)


def _function_names(session: boto3.Session, endpoint_url: str, stack_name: str) -> dict[str, str]:
    """The functions' names by logical id."""
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url)
    resources = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in resources
        if each["ResourceType"] == "AWS::Lambda::Function"
    }


def _put_event_function(session: boto3.Session, endpoint_url: str, *, like: str) -> str:
    """Deploy the function that returns events, with the runtime and role of another. Returns its ARN."""
    functions = session.client("lambda", endpoint_url=endpoint_url)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(EVENT_FUNCTION, EVENT_FUNCTION.name)
    configuration = functions.get_function_configuration(FunctionName=like)
    with suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=EVENT_FUNCTION_NAME)
    return functions.create_function(
        FunctionName=EVENT_FUNCTION_NAME,
        Runtime=configuration["Runtime"],
        Role=configuration["Role"],
        Handler=f"{EVENT_FUNCTION.stem}.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=29,
    )["FunctionArn"]


def _deployed_template(session: boto3.Session, endpoint_url: str, stack_name: str) -> Mapping[str, Any]:
    """As transformed by SAM."""
    template: Any = session.client("cloudformation", endpoint_url=endpoint_url).get_template(
        StackName=stack_name, TemplateStage="Processed"
    )["TemplateBody"]
    return dict(template)


def _gateway_responses(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            found: Mapping[str, Mapping[str, Any]] = resource["Properties"]["Body"][GATEWAY_RESPONSES]
            return found
    raise LookupError("The deployed template holds no REST API.")
