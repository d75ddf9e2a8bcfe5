"""What the preflight finds in an account: on moto, and on botocore's stubs for what moto has not."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.preflight.account import Account, AccountCheck, open_account
from local.preflight.checks.alarm_topic import check_alarm_topics
from local.preflight.checks.api_gateway import check_api_gateway
from local.preflight.checks.artifact_bucket import SAM_STACK, check_artifact_bucket
from local.preflight.checks.claude import check_claude
from local.preflight.checks.concurrency import check_concurrency
from local.preflight.checks.domain import check_domain, covers, judged
from local.preflight.checks.free_names import check_free_names
from local.preflight.checks.stack_state import check_stack
from local.preflight.finding import Finding, State
from tests.deployment_target import STACK, resource, states, target_of

REGION = "us-east-1"
MODEL = "anthropic.claude-opus-5"


@dataclass(frozen=True)
class StubbedAccount(Account):
    """An account where some services are stubs."""

    stubs: Mapping[str, Any] = field(default_factory=dict)

    def client(self, service: Any, region: str | None = None) -> Any:
        return self.stubs[service] if service in self.stubs else super().client(service, region)


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account(boto3.Session(region_name=REGION), REGION, STACK)


@pytest.fixture
def stubs() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stubbed(stubs: ExitStack, service: Any, *answers: tuple[str, dict[str, Any] | str]) -> StubbedAccount:
    """An account whose service gives these answers in turn: operation, and what it returns or its error."""
    client = boto3.client(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")
    stubber = Stubber(client)
    for operation, answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error(operation, answer, "told by AWS")
        else:
            stubber.add_response(operation, answer)
    stubs.enter_context(stubber)
    session = boto3.Session(region_name=REGION)
    return StubbedAccount(session, REGION, STACK, {service: client})


def deployed(stubs: ExitStack, status: str = "CREATE_COMPLETE", **resources: str) -> StubbedAccount:
    """An account with the stack, in a state and with physical ids by logical id."""
    now = datetime.now(UTC)
    stack = {"StackName": STACK, "StackStatus": status, "CreationTime": now}
    summaries = [
        {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": "AWS::X::Y",
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": now,
        }
        for logical_id, physical_id in resources.items()
    ]
    return stubbed(
        stubs,
        "cloudformation",
        ("describe_stacks", {"Stacks": [stack]}),
        ("list_stack_resources", {"StackResourceSummaries": summaries}),
    )


def deploy(account: Account, resources: dict[str, Any], name: str = STACK, **sections: Any) -> None:
    template = json.dumps({"Resources": resources, **sections})
    account.client("cloudformation").create_stack(StackName=name, TemplateBody=template)


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


# ---------------------------------------------------------------- who asks, and what AWS does not tell


def test_the_account_and_the_region_are_said(account: Account) -> None:
    opened, finding = open_account(target_of())

    assert opened is not None
    assert finding.state is State.OK
    assert "123456789012 in us-east-1" in finding.found
    assert account.stack is None


def test_without_credentials_it_is_said_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    opened, finding = open_account(target_of())

    assert (opened, finding.state) == (None, State.FAULT)
    assert "aws sso login" in finding.remedy


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    opened, finding = open_account(target_of())

    assert (opened, finding.state) == (None, State.FAULT)
    assert "nobody" in finding.found


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (
            "AccessDeniedException",
            "GetAccount is not allowed",
            "Grant GetAccount to the deploying identity, or check in",
        ),
        ("TooManyRequestsException", "GetAccount returned TooManyRequests", "Try again, or check in"),
    ],
)
def test_what_aws_does_not_tell_is_a_warning_that_says_where_to_look(
    stubs: ExitStack, code: str, found: str, remedy: str
) -> None:
    account = stubbed(stubs, "apigateway", ("get_account", code))
    check = AccountCheck("API Gateway", check_api_gateway, "API Gateway, Settings")

    finding = only(check.findings(target_of(), account))

    assert finding.state is State.WARNING
    assert found in finding.found
    assert finding.remedy.startswith(remedy)
    assert finding.remedy.endswith("API Gateway, Settings.")


def test_a_permission_that_aws_names_is_named(stubs: ExitStack) -> None:
    client = boto3.client("lambda", REGION, aws_access_key_id="test", aws_secret_access_key="test")
    stubber = stubs.enter_context(Stubber(client))
    told = "User: x is not authorized to perform: lambda:GetAccountSettings on resource: *"
    stubber.add_client_error("get_account_settings", "AccessDeniedException", told)
    account = StubbedAccount(boto3.Session(region_name=REGION), REGION, STACK, {"lambda": client})

    finding = only(AccountCheck("Concurrency", check_concurrency, "Lambda").findings(target_of(), account))

    assert finding.remedy == "Grant lambda:GetAccountSettings to the deploying identity, or check in Lambda."


# ---------------------------------------------------------------- the stack


def test_a_stack_that_is_not_there_will_be_made(account: Account) -> None:
    assert only(check_stack(target_of(), account)).state is State.OK


def test_a_stack_that_is_there_will_be_updated(account: Account) -> None:
    deploy(account, {"Topic": resource("AWS::SNS::Topic")})

    assert "will be updated" in only(check_stack(target_of(), account)).found


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("ROLLBACK_COMPLETE", "delete-stack"),
        ("CREATE_FAILED", "delete-stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "Wait"),
        ("DELETE_IN_PROGRESS", "Wait"),
    ],
)
def test_a_stack_that_cannot_be_updated_stops_the_deployment(
    stubs: ExitStack, status: str, remedy: str
) -> None:
    account = deployed(stubs, status)

    finding = only(check_stack(target_of(), account))

    assert finding.state is State.FAULT
    assert remedy in finding.remedy


# ---------------------------------------------------------------- names

GROUP = "/aws/lambda/a2a-tasks-dev-worker"
NAMED = {
    "Group": resource("AWS::Logs::LogGroup", LogGroupName=GROUP),
    "Dashboard": resource("AWS::CloudWatch::Dashboard", DashboardName=STACK, DashboardBody="{}"),
    "Schedule": resource("AWS::Scheduler::Schedule", Name=f"{STACK}-sweep"),
    "Secret": resource("AWS::SecretsManager::Secret", Name=f"{STACK}/claude"),
    "Worker": resource("AWS::Lambda::Function", FunctionName=f"{STACK}-worker"),
}


def test_names_that_nobody_has_are_free(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName=f"{GROUP}-of-somebody-else")

    finding = only(check_free_names(target_of(NAMED), account))

    assert (finding.state, finding.found) == (State.OK, "all 5 are free or belong to the stack")


def test_names_that_are_left_over_are_found(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName=GROUP)
    account.client("cloudwatch").put_dashboard(DashboardName=STACK, DashboardBody="{}")
    account.client("scheduler").create_schedule(
        Name=f"{STACK}-sweep",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:lambda:us-east-1:123456789012:function:x",
            "RoleArn": "arn:aws:iam::1:role/x",
        },
    )
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name=f"{STACK}/claude", SecretString="x")
    secrets.delete_secret(SecretId=f"{STACK}/claude")

    findings = list(check_free_names(target_of(NAMED), account))

    assert states(findings) == [State.FAULT] * 4
    assert f"Logs LogGroup {GROUP} exists and does not belong to the stack {STACK}" in findings[0].found


def test_a_function_of_that_name_is_found(stubs: ExitStack) -> None:
    account = stubbed(stubs, "lambda", ("get_function_configuration", {"FunctionName": f"{STACK}-worker"}))
    with mock_aws():
        findings = list(check_free_names(target_of({"Worker": NAMED["Worker"]}), account))

    assert states(findings) == [State.FAULT]


def test_the_stacks_own_names_are_no_hindrance(account: Account) -> None:
    deploy(account, {"Group": NAMED["Group"]})

    assert only(check_free_names(target_of({"Group": NAMED["Group"]}), account)).state is State.OK


def test_a_name_that_nobody_looks_for_is_said(account: Account) -> None:
    target = target_of({"Queue": resource("AWS::SQS::Queue", QueueName=f"{STACK}-tasks")})

    finding, _ = check_free_names(target, account)

    assert finding.state is State.WARNING
    assert "SQS Queue a2a-tasks-dev-tasks" in finding.found


# ---------------------------------------------------------------- the bucket for code


def test_sams_own_bucket_will_be_made(account: Account) -> None:
    assert "SAM will create one" in only(check_artifact_bucket(target_of(), account)).found


def test_sams_own_bucket_is_there(account: Account) -> None:
    bucket = {"Bucket": resource("AWS::S3::Bucket")}
    deploy(account, bucket, SAM_STACK, Outputs={"SourceBucket": {"Value": {"Ref": "Bucket"}}})

    assert only(check_artifact_bucket(target_of(), account)).state is State.OK


def test_sams_own_bucket_was_deleted_by_hand(account: Account) -> None:
    bucket = {"Bucket": resource("AWS::S3::Bucket", BucketName="code-of-sam")}
    deploy(account, bucket, SAM_STACK, Outputs={"SourceBucket": {"Value": {"Ref": "Bucket"}}})
    account.client("s3").delete_bucket(Bucket="code-of-sam")

    finding = only(check_artifact_bucket(target_of(), account))

    assert (finding.state, finding.found) == (State.FAULT, "there is no bucket code-of-sam")


def test_sams_own_stack_that_failed_is_found(stubs: ExitStack) -> None:
    stack = {"StackName": SAM_STACK, "StackStatus": "ROLLBACK_COMPLETE", "CreationTime": datetime.now(UTC)}
    account = stubbed(stubs, "cloudformation", ("describe_stacks", {"Stacks": [stack]}))

    assert only(check_artifact_bucket(target_of(), account)).state is State.FAULT


def test_a_bucket_in_another_region_is_found(account: Account) -> None:
    account.client("s3", "eu-west-1").create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )

    finding = only(check_artifact_bucket(target_of(artifact_bucket="far-away"), account))

    assert (finding.state, finding.found) == (State.FAULT, "far-away is in eu-west-1, not in us-east-1")


# ---------------------------------------------------------------- Lambda and API Gateway


def test_what_the_stack_has_reserved_already_is_its_own(stubs: ExitStack) -> None:
    limits = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 100}
    account = stubbed(
        stubs,
        "lambda",
        ("get_account_settings", {"AccountLimit": limits}),
        ("get_function_concurrency", {"ReservedConcurrentExecutions": 50}),
    )
    target = target_of({"WorkerFunction": resource("AWS::Lambda::Function", ReservedConcurrentExecutions=50)})
    with mock_aws():
        deploy(account, {"WorkerFunction": resource("AWS::SNS::Topic")})
        finding = only(check_concurrency(target, account))

    assert finding.state is State.OK


def stage(**rest: Any) -> dict[str, Any]:
    setting = {"ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 500} | rest.pop("setting", {})
    return {"Stage": resource("AWS::ApiGateway::Stage", MethodSettings=[setting], **rest)}


@pytest.mark.parametrize(
    ("resources", "role", "expected"),
    [
        (stage(), None, State.OK),
        (stage(setting={"LoggingLevel": "OFF"}), None, State.OK),
        (stage(setting={"LoggingLevel": "ERROR"}), None, State.FAULT),
        (stage(AccessLogSetting={"DestinationArn": "x"}), None, State.FAULT),
        (stage(AccessLogSetting={"DestinationArn": "x"}), "arn:aws:iam::1:role/logs", State.OK),
        (stage(AccessLogSetting={}) | {"Own": resource("AWS::ApiGateway::Account")}, None, State.OK),
    ],
)
def test_api_gateway_has_a_role_for_logs_where_the_template_asks_for_them(
    stubs: ExitStack, resources: dict[str, Any], role: str | None, expected: State
) -> None:
    settings = {"cloudwatchRoleArn": role} if role else {}
    account = stubbed(stubs, "apigateway", ("get_account", settings))

    assert states(list(check_api_gateway(target_of(resources), account))) == [expected]


def test_limits_beyond_the_accounts_are_told(stubs: ExitStack) -> None:
    settings = {"throttleSettings": {"rateLimit": 100.0, "burstLimit": 5_000}}
    account = stubbed(stubs, "apigateway", ("get_account", settings))

    _, rate, burst = check_api_gateway(target_of(stage()), account)

    assert (rate.state, burst.state) == (State.WARNING, State.OK)
    assert rate.found == "ThrottlingRateLimit allows 200 requests per second, and the account 100"


# ---------------------------------------------------------------- alarms


def test_a_topic_in_another_region_is_found(account: Account) -> None:
    topic = account.client("sns", "eu-west-1").create_topic(Name="alarms")["TopicArn"]

    finding, other = check_alarm_topics(target_of(given={"TicketTopicArn": topic}), account)

    assert (other.state, finding.state) == (State.FAULT, State.OK)
    assert "is in eu-west-1, but alarms only reach topics in us-east-1" in other.found
    assert other.remedy == "Set TicketTopicArn to a topic in us-east-1."


def test_a_topic_that_does_not_exist_is_found(account: Account) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"

    finding, _ = check_alarm_topics(target_of(given={"AlarmTopicArn": topic}), account)

    assert finding.state is State.FAULT


@pytest.mark.parametrize(("confirmed", "expected"), [("0", State.WARNING), ("1", State.OK)])
def test_a_topic_that_nobody_listens_to_is_told(stubs: ExitStack, confirmed: str, expected: State) -> None:
    """On a stub, as moto counts no subscription as confirmed."""
    stubs.enter_context(mock_aws())
    attributes = {"Attributes": {"SubscriptionsConfirmed": confirmed, "SubscriptionsPending": "1"}}
    account = stubbed(stubs, "sns", ("get_topic_attributes", attributes))
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"

    finding, _ = check_alarm_topics(target_of(given={"AlarmTopicArn": topic}), account)

    assert finding.state is expected


# ---------------------------------------------------------------- Claude


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"apiKey": ""}', State.WARNING),
        ("no JSON", State.WARNING),
        ('{"apiKey": "sk-ant-1"}', State.OK),
    ],
)
def test_an_empty_secret_is_told_once_it_is_there(stubs: ExitStack, value: str, expected: State) -> None:
    stubs.enter_context(mock_aws())
    secret = boto3.client("secretsmanager", REGION).create_secret(Name="claude", SecretString=value)["ARN"]
    account = deployed(stubs, ClaudeApiKeySecret=secret)

    finding = only(check_claude(target_of(), account))

    assert finding.state is expected
    assert "sk-ant-1" not in f"{finding}"


def test_before_the_first_deployment_it_is_said_what_comes_after_it(account: Account) -> None:
    finding = only(check_claude(target_of(), account))

    assert finding.state is State.WARNING
    assert finding.remedy.startswith("After the deployment: aws secretsmanager put-secret-value")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"JwtVendingEnabled": True, "IssuerIdentifier": "https://x"}, State.OK),
        ({"JwtVendingEnabled": False}, State.FAULT),
        ("FeatureDisabled", State.FAULT),
        ("FeatureDisabledException", State.FAULT),
    ],
)
def test_claude_on_aws_needs_web_identity_federation(
    stubs: ExitStack, answer: dict[str, Any] | str, expected: State
) -> None:
    account = stubbed(stubs, "iam", ("get_outbound_web_identity_federation_info", answer))

    federation, subscription = check_claude(target_of(given={"ClaudeBackend": "claude-on-aws"}), account)

    assert federation.state is expected
    assert subscription.state is State.WARNING


def availability(**changed: Any) -> dict[str, Any]:
    return {
        "modelId": MODEL,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    } | changed


def test_each_model_of_bedrock_is_one_that_the_account_may_use(stubs: ExitStack) -> None:
    answers: tuple[dict[str, Any] | str, ...] = (
        availability(),
        availability(agreementAvailability={"status": "NOT_AVAILABLE"}, authorizationStatus="NOT_AUTHORIZED"),
        "ResourceNotFoundException",
    )
    operation = "get_foundation_model_availability"
    account = stubbed(stubs, "bedrock", *((operation, answer) for answer in answers))
    models = {"Models": {"bedrock": {"Opus": MODEL, "Sonnet": "sonnet", "Haiku": "haiku"}}}

    findings = list(check_claude(target_of(given={"ClaudeBackend": "bedrock"}, Mappings=models), account))

    assert states(findings) == [State.OK, State.FAULT, State.WARNING]
    assert findings[1].found == "sonnet lacks an agreement, authorization"


# ---------------------------------------------------------------- the domain


def domain(certificate: str) -> dict[str, Any]:
    return {
        "Domain": resource(
            "AWS::ApiGateway::DomainName", DomainName="api.example.com", RegionalCertificateArn=certificate
        )
    }


def test_no_domain_takes_no_certificate(account: Account) -> None:
    assert only(check_domain(target_of(), account)).state is State.OK


def test_a_certificate_in_another_region_is_found(account: Account) -> None:
    arn = account.client("acm", "eu-west-1").request_certificate(DomainName="api.example.com")[
        "CertificateArn"
    ]

    finding = only(check_domain(target_of(domain(arn)), account))

    assert finding.state is State.FAULT
    assert "is not in us-east-1" in finding.found


def test_a_certificate_that_does_not_exist_is_found(account: Account) -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"

    assert only(check_domain(target_of(domain(arn)), account)).state is State.FAULT


def test_a_certificate_that_waits_for_its_record_is_found(account: Account) -> None:
    arn = account.client("acm").request_certificate(DomainName="api.example.com", ValidationMethod="DNS")

    finding = only(check_domain(target_of(domain(arn["CertificateArn"])), account))

    assert (finding.state, finding.found) == (
        State.FAULT,
        "the certificate for api.example.com is PENDING_VALIDATION",
    )


def test_a_domain_that_another_api_has_is_found(account: Account) -> None:
    client = account.client("acm")
    arn = client.request_certificate(DomainName="api.example.com")["CertificateArn"]
    account.client("apigateway").create_domain_name(domainName="api.example.com")

    findings = list(check_domain(target_of(domain(arn)), account))

    assert "another API of the account already has api.example.com" in [item.found for item in findings]


NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "days", "expected"),
    [
        (["api.example.com"], 90, State.OK),
        (["*.example.com"], 90, State.OK),
        (["example.com", "*.example.com"], 90, State.OK),
        (["example.com"], 90, State.FAULT),
        (["api.example.com"], 5, State.WARNING),
    ],
)
def test_a_certificate_covers_the_domain_for_a_while(names: list[str], days: int, expected: State) -> None:
    certificate = {
        "Status": "ISSUED",
        "DomainName": names[0],
        "SubjectAlternativeNames": names,
        "NotAfter": NOW + timedelta(days=days),
    }

    assert judged("api.example.com", certificate, NOW).state is expected


def test_a_star_stands_for_one_label() -> None:
    assert covers("*.example.com", "API.example.com")
    assert not covers("*.example.com", "a.b.example.com")
    assert not covers("*.example.com", "example.com")
