"""The API's custom domain, if the environment has one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Domain"
ENDS_SOON = timedelta(days=14)


def check_domain(target: Target, account: Account) -> Iterator[Finding]:
    domains = target.of_type("AWS::ApiGateway::DomainName")
    if not domains:
        yield Finding.ok(SUBJECT, "no custom domain is set")
    for domain in domains.values():
        name, certificate = domain["DomainName"], domain.get("RegionalCertificateArn", "")
        yield from _certificate(name, certificate, account)
        if not account.owns(name) and _exists(name, account):
            remedy = "Delete it under API Gateway, Custom domain names, or choose another."
            yield Finding.fault(SUBJECT, f"another API of the account already has {name}", remedy)


def _certificate(name: str, arn: str, account: Account) -> Iterator[Finding]:
    region = arn.split(":")[3] if arn.count(":") >= 5 else ""
    if region != account.region:
        found = f"the certificate {arn or '(none)'} is not in {account.region}, where the API is"
        yield Finding.fault(SUBJECT, found, f"Request one for {name} from ACM in {account.region}.")
        return
    try:
        answer = account.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield Finding.fault(SUBJECT, f"there is no certificate {arn}", f"Request one for {name} from ACM.")
        return
    yield judged(name, answer, datetime.now(UTC))


def judged(name: str, certificate: dict[str, Any], now: datetime) -> Finding:
    status = certificate["Status"]
    if status != "ISSUED":
        remedy = "Add the DNS record that ACM requires, and wait until the certificate is ISSUED."
        return Finding.fault(SUBJECT, f"the certificate for {name} is {status}", remedy)
    covered = [certificate["DomainName"], *certificate.get("SubjectAlternativeNames", [])]
    if not any(covers(pattern, name) for pattern in covered):
        found = f"the certificate is for {', '.join(dict.fromkeys(covered))}, not for {name}"
        return Finding.fault(SUBJECT, found, f"Request one for {name} from ACM.")
    if "NotAfter" in certificate and certificate["NotAfter"] - now < ENDS_SOON:
        found = f"the certificate for {name} expires on {certificate['NotAfter']:%Y-%m-%d}"
        return Finding.warning(
            SUBJECT, found, "Renew it; ACM renews it automatically while its DNS record exists."
        )
    return Finding.ok(SUBJECT, f"{name} has a certificate")


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name covers the domain; a star matches one label."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _exists(name: str, account: Account) -> bool:
    try:
        account.client("apigateway").get_domain_name(domainName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return False
        raise
    return True
