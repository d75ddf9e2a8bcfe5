"""What the emulator leaves out of a deployment, put in afterwards from what was deployed."""

from collections.abc import Mapping
from typing import Any

import boto3

STREAMING, WHOLE = "/response-streaming-invocations", "/invocations"
"""How the address of a function ends that an integration calls."""
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


def apply_gateway_responses(
    session: boto3.Session, endpoint_url: str, *, stack_name: str, api_id: str
) -> int:
    """Bring the gateway's own answers (401, 403, 404 …) into force. Returns how many there are.

    API Gateway takes them from the API's definition. The emulator does not, but can be told each of them.
    """
    template = session.client("cloudformation", endpoint_url=endpoint_url).get_template(
        StackName=stack_name, TemplateStage="Processed"
    )["TemplateBody"]
    gateway: Any = session.client("apigateway", endpoint_url=endpoint_url)
    responses = _gateway_responses(template)
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


def answer_whole(session: boto3.Session, endpoint_url: str, *, api_id: str) -> int:
    """Have functions answer whole where API Gateway would take their answers piece by piece: the emulator's
    gateway cannot. Returns how many routes that are. They are in force with the next deployment."""
    gateway: Any = session.client("apigateway", endpoint_url=endpoint_url)
    resources = gateway.get_resources(restApiId=api_id, limit=500, embed=["methods"])["items"]
    routes = [
        (resource["id"], verb, method["methodIntegration"]["uri"])
        for resource in resources
        for verb, method in resource.get("resourceMethods", {}).items()
        if STREAMING in method.get("methodIntegration", {}).get("uri", "")
    ]
    for resource_id, verb, uri in routes:
        gateway.update_integration(
            restApiId=api_id,
            resourceId=resource_id,
            httpMethod=verb,
            patchOperations=[{"op": "replace", "path": "/uri", "value": uri.replace(STREAMING, WHOLE)}],
        )
    return len(routes)


def apply_concurrency(session: boto3.Session, endpoint_url: str, *, function_name: str) -> None:
    """Limit how many invocations a queue may start at a time.

    The limit is a parameter of the template. The emulator keeps it as text, and then its poller fails.
    """
    functions = session.client("lambda", endpoint_url=endpoint_url)
    for mapping in functions.list_event_source_mappings(FunctionName=function_name)["EventSourceMappings"]:
        if "ScalingConfig" in mapping:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"],
                ScalingConfig={"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])},
            )


def allow_plain_http(session: boto3.Session, endpoint_url: str, *, bucket: str) -> None:
    """Drop the bucket's policy, which refuses everything but TLS: the emulator speaks plain HTTP."""
    session.client("s3", endpoint_url=endpoint_url).delete_bucket_policy(Bucket=bucket)


def name_public_base_url(
    session: boto3.Session, endpoint_url: str, *, function_name: str, base_url: str
) -> None:
    """Tell a function where the API is reached.

    The emulator's address has parts that a request does not show, and an id that is known only now.
    """
    functions = session.client("lambda", endpoint_url=endpoint_url)
    variables = functions.get_function_configuration(FunctionName=function_name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=function_name, Environment={"Variables": {**variables, "PUBLIC_BASE_URL": base_url}}
    )


def _gateway_responses(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            found: Mapping[str, Mapping[str, Any]] = resource["Properties"]["Body"][GATEWAY_RESPONSES]
            return found
    raise LookupError("The deployed template holds no REST API.")
