"""API Gateway's settings in the account: the role for its logs, and its limits."""

from collections.abc import Iterator
from typing import Any

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

LOGS = "API's logs"
LIMITS = "API's limits"


def check_api_gateway(target: Target, account: Account) -> Iterator[Finding]:
    settings = account.client("apigateway").get_account()
    yield _logging(target, settings)
    yield from _limits(target, settings)


def _logging(target: Target, settings: dict[str, Any]) -> Finding:
    if not _logs(target):
        return Finding.ok(LOGS, "access logs are off, so API Gateway needs no role for them")
    if role := settings.get("cloudwatchRoleArn"):
        return Finding.ok(LOGS, f"API Gateway writes them with {role}")
    if target.of_type("AWS::ApiGateway::Account"):
        return Finding.ok(LOGS, "the stack gives API Gateway a role for them")
    remedy = (
        "Create a role for apigateway.amazonaws.com with the policy AmazonAPIGatewayPushToCloudWatchLogs,"
        " then run:"
        " aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE_ARN"
    )
    return Finding.fault(LOGS, "access logs are on, but API Gateway has no role to write them", remedy)


def _logs(target: Target) -> bool:
    return any(
        "AccessLogSetting" in stage
        or any(setting.get("LoggingLevel", "OFF") != "OFF" for setting in stage.get("MethodSettings", []))
        for stage in target.of_type("AWS::ApiGateway::Stage").values()
    )


def _limits(target: Target, settings: dict[str, Any]) -> Iterator[Finding]:
    account = settings.get("throttleSettings", {})
    asked = [
        setting
        for stage in target.of_type("AWS::ApiGateway::Stage").values()
        for setting in stage.get("MethodSettings", [])
    ]
    for key, name, what in (
        ("rateLimit", "ThrottlingRateLimit", "requests per second"),
        ("burstLimit", "ThrottlingBurstLimit", "requests in a burst"),
    ):
        most = max((float(setting[name]) for setting in asked if name in setting), default=0.0)
        if key in account and most > account[key]:
            found = f"{name} allows {most:,.0f} {what}, and the account {account[key]:,.0f}"
            yield Finding.warning(LIMITS, found, "Request an increase in Service Quotas, Amazon API Gateway.")
        elif key in account:
            yield Finding.ok(LIMITS, f"{most:,.0f} {what}, of {account[key]:,.0f} in the account")
