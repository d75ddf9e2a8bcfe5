"""Claude can be called from this account."""

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Claude"
SECRET = "ClaudeApiKeySecret"  # noqa: S105  its logical id


def check_claude(target: Target, account: Account) -> Iterator[Finding]:
    match target.parameters.get("ClaudeBackend"):
        case "claude-on-aws":
            yield from _claude_on_aws(account)
        case "bedrock":
            yield from _bedrock(target, account)
        case _:
            yield _key(account)


def _key(account: Account) -> Finding:
    secret = account.stack.resources.get(SECRET) if account.stack else None
    put = 'aws secretsmanager put-secret-value --secret-string \'{"apiKey": "sk-ant-…"}\' --secret-id'
    if secret is None:
        remedy = f"After the deployment: {put} (the output ClaudeApiKeySecretArn)"
        return Finding.warning(SUBJECT, "the secret for its key does not exist yet; it will be empty", remedy)
    value = account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    if not _holds_key(value):
        remedy = f"Set the key: {put} {secret}"
        return Finding.warning(SUBJECT, "the secret for its key is empty, so every task would fail", remedy)
    return Finding.ok(SUBJECT, "the secret contains a key")


def _holds_key(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.get("apiKey"))


def _claude_on_aws(account: Account) -> Iterator[Finding]:
    """The requirements of AWS's "Claude Platform on AWS, Prerequisites"."""
    try:
        info = account.client("iam").get_outbound_web_identity_federation_info()
        enabled = bool(info.get("JwtVendingEnabled"))
    except ClientError as error:
        if "FeatureDisabled" not in error.response["Error"]["Code"]:
            raise
        enabled = False
    if enabled:
        yield Finding.ok(SUBJECT, "outbound web identity federation is enabled")
    else:
        found = "outbound web identity federation is disabled in the account, and Claude on AWS needs it"
        yield Finding.fault(SUBJECT, found, "Enable it once: aws iam enable-outbound-web-identity-federation")
    found = "no API shows whether the account has subscribed to Claude Platform on AWS in AWS Marketplace"
    remedy = (
        f"Check in the console, under Claude Platform on AWS, that there is a workspace in {account.region}."
    )
    yield Finding.warning(SUBJECT, found, remedy)


def _bedrock(target: Target, account: Account) -> Iterator[Finding]:
    client = account.client("bedrock")
    for alias in ("Opus", "Sonnet", "Haiku"):
        chosen = target.parameters.get(f"{alias}ModelId")
        model = chosen or target.template["Mappings"]["Models"]["bedrock"][alias]
        try:
            answer = client.get_foundation_model_availability(modelId=model)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceNotFoundException", "ValidationException"}:
                raise
            remedy = f"Set {alias}ModelId to a model that Bedrock has in {account.region}."
            yield Finding.warning(SUBJECT, f"Bedrock in {account.region} does not offer {model}", remedy)
            continue
        lacking = [
            what
            for what, has in (
                ("an agreement", answer["agreementAvailability"]["status"] == "AVAILABLE"),
                ("authorization", answer["authorizationStatus"] == "AUTHORIZED"),
                ("an entitlement", answer["entitlementAvailability"] == "AVAILABLE"),
                (f"availability in {account.region}", answer["regionAvailability"] == "AVAILABLE"),
            )
            if not has
        ]
        if lacking:
            remedy = f"Request it on Bedrock's page Model access, or set {alias}ModelId to another."
            yield Finding.fault(SUBJECT, f"{model} lacks {', '.join(lacking)}", remedy)
        else:
            yield Finding.ok(SUBJECT, f"the account may use {model}")
