"""The bucket that SAM uploads code to."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.checks.stack_state import UPDATABLE
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Bucket for code"
# The stack that `resolve_s3 = true` creates once in each account and region.
SAM_STACK = "aws-sam-cli-managed-default"


def check_artifact_bucket(target: Target, account: Account) -> Iterator[Finding]:
    bucket = target.artifact_bucket
    if bucket is None:
        client = account.client("cloudformation")
        try:
            stack = client.describe_stacks(StackName=SAM_STACK)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            yield Finding.ok(SUBJECT, f"SAM will create one, in the stack {SAM_STACK}")
            return
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
        bucket = outputs.get("SourceBucket")
        if stack["StackStatus"] not in UPDATABLE or bucket is None:
            found = f"SAM's own stack {SAM_STACK} is in the state {stack['StackStatus']}"
            yield Finding.fault(SUBJECT, found, f"Delete {SAM_STACK}; SAM will create it again.")
            return
    yield _reached(bucket, account)


def _reached(bucket: str, account: Account) -> Finding:
    try:
        answer = account.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "404":
            remedy = f"Create it, or delete the stack {SAM_STACK} if SAM created the bucket."
            return Finding.fault(SUBJECT, f"there is no bucket {bucket}", remedy)
        if code in {"301", "400"}:
            remedy = (
                f"Set s3_bucket in samconfig.toml to a bucket in {account.region}, or set resolve_s3 = true."
            )
            return Finding.fault(SUBJECT, f"{bucket} is in another region", remedy)
        raise
    region = answer.get("BucketRegion") or account.region
    if region != account.region:
        remedy = f"Set s3_bucket in samconfig.toml to a bucket in {account.region}, or set resolve_s3 = true."
        return Finding.fault(SUBJECT, f"{bucket} is in {region}, not in {account.region}", remedy)
    return Finding.ok(SUBJECT, f"{bucket} exists")
