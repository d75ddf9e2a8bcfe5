"""What one key, project or anonymous caller can use at most, from the template's defaults.

Part of ``docs/security.md``, which ``docs.generate.security`` writes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from a2a_tasks.domain.polling import CLOSEST_SECONDS
from a2a_tasks.webhooks.receivers import CALLS, WAITING
from bench.bill.prices import PRICES, Unit
from local.template.intrinsics import Template

HOUR = 3_600
MB_PER_GB = 1024
USD_PER_GB_SECOND = PRICES[Unit.GB_SECONDS].each
USD_PER_GATEWAY_REQUEST = PRICES[Unit.API_REQUESTS].each
USD_PER_READ, USD_PER_WRITE = PRICES[Unit.READ_UNITS].each, PRICES[Unit.WRITE_UNITS].each
REQUEST_SECONDS, AUTHORIZER_SECONDS = 0.1, 0.02
"""Assumptions about a warm function: a request that does not wait, and the check of a key."""
UNITS_PER_SECOND = 1 / CLOSEST_SECONDS
"""Of a stream that polls at its highest rate: half a unit for the task, and half for its text."""
EXAMPLE = {
    "ApiConcurrency": 30,
    "MessagesConcurrency": 20,
    "A2AConcurrency": 20,
    "WecomConcurrency": 20,
    "AuthorizerConcurrency": 50,
}
CALLED_WITH_KEYS = ("Api", "Messages", "A2A")


@dataclass(frozen=True)
class Share:
    """``seconds`` are Lambda's, of functions whose concurrency can be capped (``functions``); ``calls`` is
    all other charges, in USD. All for an hour."""

    who: str
    what: str
    most: str
    seconds: float = 0.0
    usd: float = 0.0
    memory_mb: int = 0
    functions: tuple[str, ...] = ()

    @property
    def usd_in_all(self) -> float:
        return self.seconds * self.memory_mb / MB_PER_GB * USD_PER_GB_SECOND + self.usd

    def capped(self, caps: Mapping[str, int]) -> "Share":
        """The same if each of the functions has at most this concurrency. Other charges
        shrink with the seconds."""
        if not self.functions:
            return self
        seconds = min(self.seconds, sum(caps[f"{name}Concurrency"] for name in self.functions) * HOUR)
        return replace(self, seconds=seconds, usd=self.usd * seconds / self.seconds)


def rendered(template: Template) -> str:
    """The table, as Markdown."""
    return "\n".join(_lines(template))


def shares(template: Template) -> list[Share]:
    defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
    number = {name: int(value) for name, value in defaults.items() if isinstance(value, int)}
    memory = {
        name.removesuffix("Function"): _memory(each["Properties"]["MemorySize"], number)
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::Lambda::Function"
    }
    workers = template["Mappings"]["Workers"][str(number["WorkerConcurrency"])]["Both"]
    of_project = _of_project(number, workers, memory)
    return [*_of_key(number, memory), *of_project, *_of_stranger(template, number, memory)]


def _memory(value: int | dict[str, str], number: Mapping[str, int]) -> int:
    """Megabytes, which may be a parameter's default."""
    return number[value["Ref"]] if isinstance(value, dict) else value


def _of_key(number: Mapping[str, int], memory: Mapping[str, int]) -> Iterator[Share]:
    requests, streams = number["RequestsPerHour"], number["OpenStreams"]
    largest = max(memory[name] for name in CALLED_WITH_KEYS)
    yield Share(
        "one key",
        "requests",
        f"{number['RequestBurst']:,} at once, {requests:,} an hour",
        requests * REQUEST_SECONDS,
        requests * (USD_PER_GATEWAY_REQUEST + USD_PER_WRITE),
        largest,
        CALLED_WITH_KEYS,
    )
    yield Share(
        "one key",
        "streams and waits",
        f"{streams:,} at once",
        streams * HOUR,
        streams * HOUR * UNITS_PER_SECOND * USD_PER_READ,
        largest,
        CALLED_WITH_KEYS,
    )
    most = f"{number['TaskCreationBurst']:,} at once, {number['TaskCreationsPerHour']:,} an hour"
    yield Share("one key", "new tasks", most)


def _of_project(number: Mapping[str, int], workers: int, memory: Mapping[str, int]) -> Iterator[Share]:
    senders = number["WebhookConcurrency"]
    most = f"{workers * number['WorkerTasks']:,} tasks at once, all workers while nobody else waits"
    yield Share("one project", "workers", most, workers * HOUR, 0, memory["Worker"])
    waiting = senders * (WAITING.burst + WAITING.per_hour)
    most = f"{senders * WAITING.burst:,} s, and {senders * WAITING.per_hour:,} s an hour"
    yield Share("one project", "receivers that do not answer", most, waiting, 0, memory["Webhooks"])
    most = "all senders while nobody else waits"
    yield Share("one project", "receivers that answer slowly", most, senders * HOUR, 0, memory["Webhooks"])
    most = f"{senders * CALLS.burst:,} at once, {senders * CALLS.per_hour:,} an hour"
    yield Share("one project", "calls of one receiver", most)


def _of_stranger(template: Template, number: Mapping[str, int], memory: Mapping[str, int]) -> Iterator[Share]:
    person = f"{number['WecomQuestionBurst']:,} at once, {number['WecomQuestionsPerHour']:,} an hour"
    yield Share("one person in WeCom", "questions", person)
    open_methods, keyed_methods = _methods(template)
    # one of the open ones is WeCom's, with a rate of its own
    per_second = (open_methods - 1) * number["PublicRateLimit"]
    yield Share(
        "strangers",
        "what takes no key",
        f"{per_second:,} requests a second",
        per_second * HOUR * REQUEST_SECONDS,
        per_second * HOUR * USD_PER_GATEWAY_REQUEST,
        memory["A2A"],
        ("Api", "A2A"),
    )
    callbacks = number["WecomRateLimit"]
    yield Share(
        "strangers",
        "WeCom's callbacks",
        f"{callbacks:,} requests a second",
        callbacks * HOUR * REQUEST_SECONDS,
        callbacks * HOUR * USD_PER_GATEWAY_REQUEST,
        memory["Wecom"],
        ("Wecom",),
    )
    tried = keyed_methods * number["ThrottlingRateLimit"]
    yield Share(
        "strangers",
        "wrong keys",
        f"{tried:,} a second",
        tried * HOUR * AUTHORIZER_SECONDS,
        tried * HOUR * USD_PER_READ,
        memory["Authorizer"],
        ("Authorizer",),
    )


def _methods(template: Template) -> tuple[int, int]:
    """How many of the API's methods take no key, and how many do."""
    (api,) = (
        each["Properties"]["Body"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::ApiGateway::RestApi"
    )
    methods = [method for path in api["paths"].values() for method in path.values() if "security" in method]
    keyed = sum("ApiKey" in need for method in methods for need in method["security"])
    return len(methods) - keyed, keyed


def _lines(template: Template) -> Iterator[str]:
    example = ", ".join(f"`{name}={value}`" for name, value in EXAMPLE.items())
    yield "| who | what | at most | Lambda s an hour | USD an hour | reserved: s | reserved: USD |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for share in shares(template):
        capped = share.capped(EXAMPLE)
        figures = [_figure(each) for each in (share, capped)]
        yield f"| {share.who} | {share.what} | {share.most} | {' | '.join(figures)} |"
    yield f"\nReserved is {example}, and `ReserveConcurrency=true`."


def _figure(share: Share) -> str:
    return f"{share.seconds:,.0f} | {share.usd_in_all:,.2f}" if share.seconds else " | "
