"""The account's concurrency suffices for the environment."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.preflight.account import Account
from local.preflight.finding import Finding
from local.preflight.target import Target

SUBJECT = "Concurrency"
# The concurrency that AWS keeps unreserved (Lambda, "Configuring reserved concurrency"), which is what
# remains for the API here.
UNRESERVED = 100
MORE = "Request an increase: Service Quotas, AWS Lambda, Concurrent executions (L-B99A9384)"


@dataclass(frozen=True)
class Capacity:
    """Of the account in its region. ``own`` is what this stack has already reserved."""

    limit: int
    unreserved: int
    own: int


def check_pollers(target: Target) -> Iterator[Finding]:
    """Deliveries beyond a function's reserved concurrency are throttled, and each counts as a receive."""
    reserved = _reserved(target)
    small = [
        (name, reserved[name], most)
        for name, most in _pollers(target).items()
        if name in reserved and reserved[name] < most
    ]
    for name, own, most in small:
        found = f"{name} reserves {own}, and its queues may invoke {most} at a time"
        yield Finding.fault(SUBJECT, found, "Reserve at least as many as MaximumConcurrency, or nothing.")
    if not small:
        yield Finding.ok(SUBJECT, "every function can handle its queues' maximum concurrency")


def check_concurrency(target: Target, account: Account) -> Iterator[Finding]:
    capacity = _read(account)
    yield from judged(target, capacity)
    yield from alarm_judged(target, capacity)


def alarm_judged(target: Target, capacity: Capacity) -> Iterator[Finding]:
    """CloudWatch does not know an account's limit, so the alarm needs it as a parameter."""
    told = int(target.parameters.get("AccountConcurrency", capacity.limit))
    if told != capacity.limit:
        found = f"the alarm uses {told} as the account's limit, which is {capacity.limit}"
        remedy = f"Set AccountConcurrency={capacity.limit} in samconfig.toml."
        yield Finding.warning(SUBJECT, found, remedy)


def judged(target: Target, capacity: Capacity) -> Iterator[Finding]:
    reserved = _reserved(target)
    wanted = sum(reserved.values())
    left = capacity.unreserved + capacity.own - wanted
    polled = sum(most for name, most in _pollers(target).items() if name not in reserved)
    if wanted and left < UNRESERVED:
        found = (
            f"the environment reserves {wanted} of the account's {capacity.limit}, which leaves {left};"
            f" AWS requires {UNRESERVED} unreserved"
        )
        yield Finding.fault(SUBJECT, found, f"{MORE}, or reserve less in samconfig.toml.")
    elif left - polled < UNRESERVED:
        found = (
            f"workers and senders may use {polled} of the {left} that all functions of the account share;"
            " under load the API is throttled"
        )
        yield Finding.warning(SUBJECT, found, f"{MORE}, or lower WorkerConcurrency in samconfig.toml.")
    else:
        found = f"{wanted} reserved and {polled} for workers and senders, of {capacity.limit} in the account"
        yield Finding.ok(SUBJECT, found)


def _reserved(target: Target) -> dict[str, int]:
    functions = target.of_type("AWS::Lambda::Function")
    return {
        str(target.value({"Ref": name})): int(function["ReservedConcurrentExecutions"])
        for name, function in functions.items()
        if "ReservedConcurrentExecutions" in function
    }


def _pollers(target: Target) -> dict[str, int]:
    """The functions with queues as event sources, and the maximum concurrency of each."""
    pollers: dict[str, int] = {}
    for mapping in target.of_type("AWS::Lambda::EventSourceMapping").values():
        name, most = mapping["FunctionName"], mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if most is not None:
            pollers[name] = pollers.get(name, 0) + int(most)
    return pollers


def _read(account: Account) -> Capacity:
    client = account.client("lambda")
    limits = client.get_account_settings()["AccountLimit"]
    own = 0
    for logical_id, physical_id in account.stack.resources.items() if account.stack else ():
        if logical_id.endswith("Function"):
            answer = client.get_function_concurrency(FunctionName=physical_id)
            own += answer.get("ReservedConcurrentExecutions", 0)
    return Capacity(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], own)
