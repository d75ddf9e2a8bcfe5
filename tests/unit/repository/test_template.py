"""What linters miss in template.yaml.

Each rule is a function from the parsed template to what breaks it. A rule is tested twice: the template
keeps it, and a template with one mistake does not.
"""

import ast
import copy
import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from a2a_tasks.domain.pricing.table import TABLE
from tests.cloudformation import (
    Rule,
    Template,
    as_list,
    change,
    drop,
    of_type,
    properties,
    referenced,
    walk,
)

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "layers" / "core"
PUBLIC = {
    "/health",
    "/docs",
    "/console",
    "/console/{version}/{name}",
    "/a2a/{agentId}/.well-known/agent-card.json",
    "/wecom/{connectionId}/callback",
    "/a2a/{agentId}/v0.3/.well-known/agent-card.json",
    "/a2a/{agentId}/v0.3/.well-known/agent.json",
}
CALLS_CLAUDE = {"WorkerRole", "BatcherRole"}
TALKS_WITH_WECOM = {"WecomRole", "WecomSenderRole"}
SIGNS = "WebhooksRole"
SIGNING = "signing-secret"
PURPOSE = "kms:EncryptionContext:purpose"
FIXED_IP = "HasWecomFixedIp"
BACKEND_CONDITIONS = {"IsClaudeOnAws": "claude-on-aws", "IsBedrock": "bedrock"}
KNOW_NO_RESOURCES = {
    "sts:GetWebIdentityToken",
    "sts:TagGetWebIdentityToken",
    "xray:PutTraceSegments",
    "xray:PutSpans",
}
"""Actions that are allowed on everything or not at all (Service Authorization Reference)."""
SENDS_SPANS = "SpanOutlet"
TRACING_HEADERS = {"Ref": "TracingHeadersSecretArn"}
TRACING_CONDITIONS = {
    "XRayPolicy": ("TracesToXRay", {"Fn::Equals": [{"Ref": "TracingEndpoint"}, "xray"]}),
    "TracingHeadersPolicy": ("HasTracingHeaders", {"Fn::Not": [{"Fn::Equals": [TRACING_HEADERS, ""]}]}),
}
SHARED_VARIABLES = {
    "LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "RELEASE",
    "TRACING_ENDPOINT",
    "TRACING_HEADERS_SECRET_ARN",
    "TRACING_SAMPLE_PERCENT",
    "TRACING_SERVICE",
}
DATA_TYPES = {
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
}


# ---------------------------------------------------------------- reading the template


@functools.cache
def parse(path: Path) -> Template:
    parsed: Template = json.loads(json.dumps(cfn_yaml.load(str(path))))
    return parsed


def functions(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::Serverless::Function")


def queues(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::SQS::Queue")


def sqs_events(template: Template) -> Iterator[tuple[str, str]]:
    """Pairs of a function and a queue that triggers it."""
    for name, function in functions(template).items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                yield name, event["Properties"]["Queue"]["Fn::GetAtt"][0]


def stream_events(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of a function and what it is given of a table's stream."""
    for name, function in functions(template).items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "DynamoDB":
                yield name, event["Properties"]


def role_of(function: Mapping[str, Any]) -> str:
    role: str = function["Role"]["Fn::GetAtt"][0]
    return role


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """What a role allows, by its own policies and by those attached to it under a condition."""
    policies = list(template["Resources"][role]["Properties"]["Policies"])
    policies += [p for p in of_type(template, "AWS::IAM::Policy").values() if {"Ref": role} in p["Roles"]]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def named_by(template: Template, name: str, value: object) -> set[str]:
    """The other functions that a value of a function names, by reference or in an ARN."""
    texts = [text for text in walk(value) if isinstance(text, str)]
    return {
        other
        for other, function in functions(template).items()
        if other != name
        and (
            other in referenced(value)
            or any(f":function:{function['FunctionName']['Fn::Sub']}:" in text for text in texts)
        )
    }


@functools.cache
def calls_and_imports(path: Path) -> list[ast.AST]:
    """Of a module, all that the rules look at: read once, as many functions share it."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, ast.Call | ast.ImportFrom)]


def code_of(function: Mapping[str, Any]) -> Iterator[ast.AST]:
    """The calls and imports in a function's own modules, and in those of the core layer that they import, one
    by the other."""
    todo = sorted((ROOT / function["CodeUri"]).rglob("*.py"))
    seen = set(todo)
    while todo:
        nodes = calls_and_imports(todo.pop())
        yield from nodes
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("a2a_tasks."):
                imported = CORE / node.module.replace(".", "/")
                paths = [imported.with_suffix(".py"), *(imported / f"{name.name}.py" for name in node.names)]
                new = {path for path in paths if path.is_file()} - seen
                todo += new
                seen |= new


def read_by(function: Mapping[str, Any]) -> set[str]:
    """The environment variables that the code of a function reads."""
    found: set[str] = set()
    for node in code_of(function):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="environment"), attr="text" | "integer" | "optional"),
                args=[ast.Constant(value=str(name))],
            ):
                found.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="environment"), attr="retention_ms")):
                found.add("RETENTION_DAYS")
            case ast.ImportFrom(module="aws_lambda_powertools"):
                found.add("POWERTOOLS_SERVICE_NAME")
    return found


def values(template: Template, value: Any) -> dict[str | None, int]:
    """What a number can be, by the value of the parameter that decides it (None: by no parameter)."""
    match value:
        case {"Ref": str(parameter)}:
            return {str(item): int(item) for item in template["Parameters"][parameter]["AllowedValues"]}
        case {"Fn::FindInMap": [str(mapping), {"Ref": str()}, str(key)]}:
            return {name: int(entry[key]) for name, entry in template["Mappings"][mapping].items()}
        case _:
            return {None: int(value)}


# ---------------------------------------------------------------- the rules


def visibility_is_six_timeouts(template: Template) -> list[str]:
    broken = []
    for function, queue in sqs_events(template):
        timeouts = values(template, functions(template)[function]["Timeout"])
        visibilities = values(template, queues(template)[queue]["VisibilityTimeout"])
        for parameter, timeout in timeouts.items():
            if visibilities[parameter] < 6 * timeout:
                broken.append(
                    f"{queue}: {visibilities[parameter]} s is less than 6 x {timeout} s of {function}"
                )
    return broken


def queue_has_dead_letter_queue(template: Template) -> list[str]:
    targets: set[str] = set()
    for queue in queues(template).values():
        targets |= referenced(queue.get("RedrivePolicy"))
    for function in functions(template).values():
        for event in function.get("Events", {}).values():
            targets |= referenced(event["Properties"].get("DeadLetterConfig"))
            targets |= referenced(event["Properties"].get("DestinationConfig"))
    return [
        f"{name} has no dead-letter queue"
        for name, queue in queues(template).items()
        if name not in targets and not referenced(queue.get("RedrivePolicy")) & queues(template).keys()
    ]


def schedule_has_dead_letter_queue(template: Template) -> list[str]:
    return [
        f"{event_name} of {name} has no dead-letter queue or no retry policy"
        for name, function in functions(template).items()
        for event_name, event in function.get("Events", {}).items()
        if event["Type"] == "ScheduleV2"
        and not (
            referenced(event["Properties"].get("DeadLetterConfig")) and event["Properties"].get("RetryPolicy")
        )
    ]


def stream_loses_nothing(template: Template) -> list[str]:
    """What a function cannot do is tried again, told somewhere while the stream still has it (24 hours), and
    does not hold up the rest for ever."""
    broken = []
    for name, event in stream_events(template):
        if not referenced(event.get("DestinationConfig")) & queues(template).keys():
            broken.append(f"{name} forgets what it cannot do")
        if not 3_600 <= event.get("MaximumRecordAgeInSeconds", -1) < 24 * 3_600:
            broken.append(f"{name} tries too long or too short")
        if event.get("MaximumRetryAttempts", -1) < 100:
            broken.append(f"{name} gives up too early, or never")
        if event.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            broken.append(f"{name} fails as a whole batch")
        if event.get("BisectBatchOnFunctionError") is not True or event["StartingPosition"] != "TRIM_HORIZON":
            broken.append(f"{name} leaves something out")
    return broken


def stream_is_filtered(template: Template) -> list[str]:
    """Nobody is invoked for a task that nobody listens to, nor for what has no status before or after."""
    broken = []
    for name, event in stream_events(template):
        for item in event.get("FilterCriteria", {"Filters": [{"Pattern": "{}"}]})["Filters"]:
            images = json.loads(item["Pattern"]).get("dynamodb", {})
            if images.get("NewImage", {}).get("notify") != {"BOOL": [True]}:
                broken.append(f"{name} is invoked for tasks that nobody listens to")
            if "status" not in images.get("OldImage", {}):
                broken.append(f"{name} is invoked for creations")
    return broken


def who_seals_does_not_open(template: Template) -> list[str]:
    broken = []
    for role in of_type(template, "AWS::IAM::Role"):
        actions = {action for item in statements(template, role) for action in as_list(item["Action"])}
        both = {"kms:GenerateDataKey", "kms:Decrypt"} <= actions
        if both or (role == "ApiRole" and "kms:Decrypt" in actions):
            broken.append(f"{role} may read what callers have given for their receivers")
    return broken


def loopback_is_local(template: Template) -> list[str]:
    rules = template.get("Rules", {}).values()
    guarded = any(
        rule.get("RuleCondition") == {"Fn::Equals": [{"Ref": "AllowLoopbackWebhooks"}, "true"]}
        and [item["Assert"] for item in rule["Assertions"]] == [{"Fn::Equals": [{"Ref": "Stage"}, "local"]}]
        for rule in rules
    )
    default = template["Parameters"]["AllowLoopbackWebhooks"]["Default"]
    return [] if guarded and default == "false" else ["a deployed stack may call its own machine"]


def fixed_address_is_asked_for_and_the_senders_alone(template: Template) -> list[str]:
    """A network costs by the hour, so that nobody has one by chance."""
    network = {
        name: item for name, item in template["Resources"].items() if item["Type"].startswith("AWS::EC2::")
    }
    broken = [
        f"{name} is always there" for name, item in network.items() if item.get("Condition") != FIXED_IP
    ]
    if template["Parameters"]["WecomFixedIp"]["Default"] != "false":
        broken.append("a fixed address is there without being asked for")
    for name, function in functions(template).items():
        placed = function.get("VpcConfig")
        if (placed is not None) is not (name == "WecomSenderFunction"):
            broken.append(f"{name} is {'in' if placed else 'not in'} the network")
        if placed is not None and placed.get("Fn::If", [None])[0] != FIXED_IP:
            broken.append(f"{name} is always in the network")
    for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
        if "SecurityGroupIngress" in group or {rule["ToPort"] for rule in group["SecurityGroupEgress"]} != {
            443
        }:
            broken.append(f"{name} lets through more than HTTPS outwards")
    return broken


def queue_has_alarm(template: Template) -> list[str]:
    watched = referenced(
        [alarm.get("Dimensions", []) for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()]
    )
    # what nobody takes directly is announced again in the others
    unwatched = queues(template).keys() - watched - {"DirectTaskQueue"}
    return [f"{name} has no alarm" for name in sorted(unwatched)]


def alarm_tells_somebody(template: Template) -> list[str]:
    """By itself, or as one of those that an alarm is made of."""
    composites = of_type(template, "AWS::CloudWatch::CompositeAlarm")
    told = referenced([composite["AlarmRule"] for composite in composites.values()])
    alarms = of_type(template, "AWS::CloudWatch::Alarm") | composites
    return [
        f"{name} has no action"
        for name, alarm in alarms.items()
        if name not in told and not {"AlarmActions", "OKActions"} <= alarm.keys()
    ]


def function_has_its_own_role(template: Template) -> list[str]:
    users: dict[str, list[str]] = {}
    for name, function in functions(template).items():
        users.setdefault(role_of(function), []).append(name)
    return [f"{role} is shared by {', '.join(names)}" for role, names in users.items() if len(names) > 1]


def function_reaches_what_it_names(template: Template) -> list[str]:
    """A table, queue, bucket or secret is in a function's policy if and only if it uses it."""
    data = of_type(template, *DATA_TYPES).keys()
    broken = []
    for name, function in functions(template).items():
        named = referenced(function["Environment"]) | {
            queue for user, queue in sqs_events(template) if user == name
        }
        named |= referenced([event for user, event in stream_events(template) if user == name])
        named |= referenced(function.get("EventInvokeConfig"))
        reached = referenced([item["Resource"] for item in statements(template, role_of(function))])
        broken += [f"{name} names {item} but may not reach it" for item in sorted(named & data - reached)]
        broken += [f"{name} may reach {item} but does not name it" for item in sorted(reached & data - named)]
    return broken


READ_BY_LAMBDA = {"AWS_LAMBDA_EXEC_WRAPPER", "STREAMING_HANDLER"}
"""By what starts a function: Lambda, and the runtime that streams."""


def function_calls_what_it_names_and_is_not_called_back(template: Template) -> list[str]:
    """CloudFormation makes the called one first, so that there is no circle; and who is called by nobody here
    is in no policy."""
    calls, broken = {}, []
    for name, function in functions(template).items():
        calls[name] = named_by(
            template,
            name,
            [
                item["Resource"]
                for item in statements(template, role_of(function))
                if "lambda:InvokeFunction" in as_list(item["Action"])
            ],
        )
        named = named_by(template, name, function["Environment"])
        broken += [f"{name} names {other} but may not call it" for other in sorted(named - calls[name])]
        broken += [f"{name} may call {other} but does not name it" for other in sorted(calls[name] - named)]
    return broken + [
        f"{name} and {other} call each other"
        for name in calls
        for other in calls[name]
        if name in calls[other]
    ]


def streaming_function_streams_everywhere(template: Template) -> list[str]:
    """What a function answers on the streaming runtime is no answer for an integration that is not streamed,
    nor the other way round. Its handler there is beside the one for whole answers."""
    broken = []
    for name, function in functions(template).items():
        variables = function["Environment"]["Variables"]
        streams = variables.get("AWS_LAMBDA_EXEC_WRAPPER") == "/opt/streaming-runtime"
        modes = {
            event["Properties"].get("ResponseTransferMode")
            for event in function.get("Events", {}).values()
            if event["Type"] == "Api"
        }
        if modes and modes != {"RESPONSE_STREAM" if streams else None}:
            broken.append(f"{name} has routes of both kinds, or of the wrong one")
        expected = function["Handler"].removesuffix(".handler") + ".stream" if streams else None
        if variables.get("STREAMING_HANDLER") != expected:
            broken.append(f"{name}: STREAMING_HANDLER must be {expected}")
    return broken


def function_is_given_what_it_reads(template: Template) -> list[str]:
    """Each variable is read, and each that is read is given; those of all functions are Powertools' own,
    those of tracing, and the release's name, by which a version differs from the one before."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"].keys()
    broken = [f"nobody reads {name}" for name in sorted(shared - SHARED_VARIABLES)]
    for name, function in functions(template).items():
        given, read = function["Environment"]["Variables"].keys() - READ_BY_LAMBDA, read_by(function)
        missing = sorted(read - given - shared)
        broken += [f"{name} reads {variable}, which it is not given" for variable in missing]
        broken += [f"{name} is given {variable}, which it does not read" for variable in sorted(given - read)]
    return broken


def who_takes_tasks_of_callers_counts_those_that_wait(template: Template) -> list[str]:
    """All that create tasks ask for ``maxPendingTasks``, but the worker, whose tasks are never refused."""
    index = {"Fn::Sub": "${TasksTable.Arn}/index/pending"}  # or of the table that is adopted
    broken = []
    for name, function in functions(template).items():
        imported = {node.module for node in code_of(function) if isinstance(node, ast.ImportFrom)}
        creates = "a2a_tasks.wiring.submitter" in imported and name != "WorkerFunction"
        allowed = [
            part for item in statements(template, role_of(function)) for part in walk(item["Resource"])
        ]
        if creates and index not in allowed:
            broken.append(f"{name} may not count the tasks that wait")
    return broken


def no_secret_is_in_an_environment(template: Template) -> list[str]:
    """Only a secret's name is: whoever may look at a function's configuration sees its variables."""
    broken = [
        f"parameter {name} is secret" for name, item in template["Parameters"].items() if "NoEcho" in item
    ]
    for name, function in functions(template).items():
        for variable, value in function["Environment"]["Variables"].items():
            if "{{resolve:" in json.dumps(value):
                broken.append(f"{variable} of {name} is resolved into the environment")
            if re.search(r"KEY$|TOKEN|PASSWORD|SECRET(?!_ARN$)", variable):
                broken.append(f"{variable} of {name} is called like a secret")
    return broken


def claude_is_called_only_on_the_backend(template: Template) -> list[str]:
    """The Claude API asks for a key and no permission; the backends on AWS are alternatives."""
    broken = []
    for role in of_type(template, "AWS::IAM::Role"):
        for policy in template["Resources"][role]["Properties"]["Policies"]:
            if "Inference" in json.dumps(policy):
                broken.append(f"{role} may always call Claude")
    for name, item in template["Resources"].items():
        is_other = item["Type"] != "AWS::IAM::Policy" or name in TRACING_CONDITIONS
        if not is_other and item.get("Condition") not in BACKEND_CONDITIONS:
            broken.append(f"{name} does not depend on the backend")
    conditions = {name: template["Conditions"].get(name) for name in BACKEND_CONDITIONS}
    return broken + [
        f"{name} is not about {backend}"
        for name, backend in BACKEND_CONDITIONS.items()
        if conditions[name] != {"Fn::Equals": [{"Ref": "ClaudeBackend"}, backend]}
    ]


def tracing_is_allowed_only_where_it_is_on(template: Template) -> list[str]:
    """To those that send spans, and to send them where the operator wants them."""
    senders = {role_of(item) for item in functions(template).values() if SENDS_SPANS in imported_by(item)}
    broken = []
    for name, (condition, meaning) in TRACING_CONDITIONS.items():
        policy = template["Resources"].get(name, {"Properties": {"Roles": []}})
        if policy.get("Condition") != condition or template["Conditions"].get(condition) != meaning:
            broken.append(f"{name} does not depend on the parameters of tracing")
        given = {role["Ref"] for role in policy["Properties"]["Roles"]}
        broken += [f"{role} does not have {name}" for role in sorted(senders - given)]
        broken += [f"{role} sends no spans, and has {name}" for role in sorted(given - senders)]
    for role in of_type(template, "AWS::IAM::Role"):
        if "xray:" in json.dumps(template["Resources"][role]["Properties"]["Policies"]):
            broken.append(f"{role} may always send spans")
    return broken


def imported_by(function: Mapping[str, Any]) -> set[str]:
    """The names that a function's own modules import."""
    own = sorted((ROOT / function["CodeUri"]).rglob("*.py"))
    nodes = [node for path in own for node in calls_and_imports(path) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes for alias in node.names}


def each_backend_has_its_models(template: Template) -> list[str]:
    models = template["Mappings"]["Models"]
    backends = template["Parameters"]["ClaudeBackend"]["AllowedValues"]
    broken = [f"{name} is no backend" for name in models.keys() - set(backends)]
    broken += [
        f"{backend} has no {alias}"
        for backend in backends
        for alias in ("Opus", "Sonnet", "Haiku")
        if not models.get(backend, {}).get(alias)
    ]
    # Bedrock's ids have a prefix of their own
    return broken + [
        f"{model} of {backend} is no id there"
        for backend, aliases in models.items()
        for model in aliases.values()
        if model.startswith("anthropic.") is not (backend == "bedrock")
    ]


def each_backends_models_have_prices(template: Template) -> list[str]:
    models = {model for aliases in template["Mappings"]["Models"].values() for model in aliases.values()}
    return [f"{model} has no price" for model in sorted(models - TABLE.models.keys())]


def only_what_calls_claude_reads_the_secret(template: Template) -> list[str]:
    secrets = of_type(template, "AWS::SecretsManager::Secret").keys()
    return [
        f"{role} may reach a secret"
        for role in of_type(template, "AWS::IAM::Role")
        if role not in CALLS_CLAUDE
        and any(
            referenced(item["Resource"]) & secrets or "secretsmanager" in str(item["Action"])
            for item in statements(template, role)
            if item["Resource"] != TRACING_HEADERS
            and (role not in TALKS_WITH_WECOM or not is_connection_secret(item))
        )
    ]


def only_what_signs_reads_the_projects_secrets(template: Template) -> list[str]:
    return [
        f"{role} {'may not' if role == SIGNS else 'may'} reach what signs notifications"
        for role in of_type(template, "AWS::IAM::Role")
        if any(is_signing_secret(item) for item in statements(template, role)) is not (role == SIGNS)
    ]


def is_signing_secret(statement: Mapping[str, Any]) -> bool:
    """Whether it lets somebody decrypt them: also where it names no purpose."""
    given = [keys for keys in statement.get("Condition", {}).values() if PURPOSE in keys]
    purposes = given[0][PURPOSE] if given else SIGNING
    return "kms:Decrypt" in as_list(statement["Action"]) and SIGNING in as_list(purposes)


def only_what_talks_with_wecom_reads_the_connections_secrets(template: Template) -> list[str]:
    return [
        f"{role} {'may not' if role in TALKS_WITH_WECOM else 'may'} reach what opens callbacks"
        for role in of_type(template, "AWS::IAM::Role")
        if any(is_connection_secret(item) for item in statements(template, role))
        is not (role in TALKS_WITH_WECOM)
    ]


def is_connection_secret(statement: Mapping[str, Any]) -> bool:
    return "secret:${AWS::StackName}/wecom/" in str(statement["Resource"])


def policy_names_actions_and_resources(template: Template) -> list[str]:
    broken = []
    for role in of_type(template, "AWS::IAM::Role"):
        for item in statements(template, role):
            broken += [f"{role}: action {action}" for action in as_list(item["Action"]) if "*" in action]
            broken += [
                f"{role}: resource {found}"
                for found in as_list(item["Resource"])
                if not referenced(found) and not set(as_list(item["Action"])) <= KNOW_NO_RESOURCES
            ]
    return broken


def function_logs_to_its_own_group(template: Template) -> list[str]:
    groups = of_type(template, "AWS::Logs::LogGroup").keys()
    broken = []
    for name, function in functions(template).items():
        group = referenced(function.get("LoggingConfig")) & groups
        written = {
            found
            for item in statements(template, role_of(function))
            if "logs:PutLogEvents" in as_list(item["Action"])
            for found in referenced(item["Resource"])
        }
        if len(group) != 1 or group != written:
            broken.append(f"{name} logs to {sorted(group)} and may write to {sorted(written)}")
    return broken


def query_looks_at_every_function(template: Template) -> list[str]:
    """In the group of its own, or of all functions: a task's story is in many."""
    all_of_them = {
        name for function in functions(template).values() for name in referenced(function["LoggingConfig"])
    }
    return [
        f"{name} does not look at {sorted(all_of_them - looked_at)}"
        for name, query in of_type(template, "AWS::Logs::QueryDefinition").items()
        if (looked_at := referenced(query["LogGroupNames"])) not in (all_of_them, {"AccessLogGroup"})
    ]


OF_LOGS_INSIGHTS = {
    "stats", "filter", "fields", "sort", "limit", "by", "as", "asc", "desc", "and", "or", "like", "ispresent",
    "count", "sum", "latest", "pct",
}  # fmt: skip
OF_EVERY_LINE = {"level", "message", "service", "task_id", "correlation_id", "project_id", "agent_id"}


def query_asks_for_what_is_logged(template: Template) -> list[str]:
    """Names are fields that a line has: of every line, of a call of the telemetry, or of the access log.
    Texts are messages."""
    added = {
        keyword.arg
        for function in functions(template).values()
        for node in code_of(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"event", "problem"}
        for keyword in node.keywords
    }
    known = OF_LOGS_INSIGHTS | OF_EVERY_LINE | added | access_log(template).keys()
    messages = set(json.loads((ROOT / "tests" / "golden.json").read_text("utf-8"))["telemetry"]["event"])
    broken = []
    for name, query in of_type(template, "AWS::Logs::QueryDefinition").items():
        text = re.sub(r"^#.*$", "", query["QueryString"], flags=re.M)
        for message in re.findall(r'message = "([^"]+)"', text):
            if message not in messages and not message.startswith("task "):
                broken.append(f"{name} looks for {message}")
        named = re.sub(r'"[^"]*"|/[^/]*/|as \w+|@\w+', "", text)
        own = set(re.findall(r"as (\w+)", text))
        unknown = set(re.findall(r"[a-z_]+", named)) - known - own
        broken += [f"{name} asks for {field}" for field in sorted(unknown)]
    return broken


def access_log(template: Template) -> dict[str, str]:
    [api] = of_type(template, "AWS::Serverless::Api").values()
    _, setting, _ = api["AccessLogSetting"]["Fn::If"]
    line: dict[str, str] = json.loads(setting["Format"])
    return line


TOLD_OF_A_REQUEST = {
    "requestId", "extendedRequestId", "httpMethod", "resourcePath", "status", "error.responseType",
    "authorizer.projectId", "authorizer.keyId", "identity.sourceIp", "responseLatency", "integrationLatency",
    "responseLength",
}  # fmt: skip


def access_log_has_nothing_that_callers_write(template: Template) -> list[str]:
    """A path has ids, a query WeCom's signatures, a header keys; and a quotation mark would break a line."""
    variables = [value.removeprefix("$context.") for value in access_log(template).values() if "$" in value]
    broken = [f"the access log has {name}" for name in variables if name not in TOLD_OF_A_REQUEST]
    if access_log(template).get("correlation_id") != "$context.requestId":
        broken.append("the access log's line does not belong to the request's others")
    return broken


def log_group_forgets(template: Template) -> list[str]:
    groups = of_type(template, "AWS::Logs::LogGroup")
    return [f"{name} keeps logs for ever" for name, group in groups.items() if "RetentionInDays" not in group]


def route_is_explicit_and_authorized(template: Template) -> list[str]:
    broken = []
    for name, api in of_type(template, "AWS::Serverless::Api").items():
        if api["Auth"].get("DefaultAuthorizer") not in api["Auth"].get("Authorizers", {}):
            broken.append(f"{name} has no default authorizer")
    for function in functions(template).values():
        for name, event in function.get("Events", {}).items():
            if event["Type"] != "Api":
                continue
            route = event["Properties"]
            if route["Method"].upper() not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
                broken.append(f"{name} has the method {route['Method']}")
            if "Auth" in route and route["Path"] not in PUBLIC:
                broken.append(f"{name} goes round the default authorizer")
    return broken


def gateway_answers_like_the_functions(template: Template) -> list[str]:
    broken = []
    for api in of_type(template, "AWS::Serverless::Api").values():
        for name, response in api["GatewayResponses"].items():
            body = json.loads(response["ResponseTemplates"]["application/json"])
            if set(body) != {"error", "code"} or not re.fullmatch(r"[A-Z_]+", body["code"]):
                broken.append(f"{name} answers {body}")
    return broken


def parameter_is_described(template: Template) -> list[str]:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    parameters = template["Parameters"]
    return [
        f"{name} has no description" for name, item in parameters.items() if not item.get("Description")
    ] + [f"{name} is in {grouped.count(name)} groups" for name in parameters if grouped.count(name) != 1]


def stored_data_survives_the_stack(template: Template) -> list[str]:
    kept = DATA_TYPES - {"AWS::SQS::Queue"}
    return [
        f"{name} is deleted with the stack"
        for name, item in template["Resources"].items()
        if item["Type"] in kept
        and (item.get("DeletionPolicy"), item.get("UpdateReplacePolicy"))
        != ("RetainExceptOnCreate", "Retain")
    ]


def bucket_outlives_retention_by_thirty_days(template: Template) -> list[str]:
    days = {int(key): entry["ObjectDays"] for key, entry in template["Mappings"]["Retention"].items()}
    allowed = template["Parameters"]["RetentionDays"]["AllowedValues"]
    return [
        f"RetentionDays {value}: {days.get(value)} days in the bucket"
        for value in allowed
        if days.get(value) != value + 30
    ]


# ---------------------------------------------------------------- one mistake for each


def allow(role: str, action: str, resource: object) -> Callable[[Template], None]:
    def mistake(template: Template) -> None:
        policy = template["Resources"][role]["Properties"]["Policies"][0]
        policy["PolicyDocument"]["Statement"].append(
            {"Effect": "Allow", "Action": action, "Resource": resource}
        )

    return mistake


def access_log_with(variable: str) -> Callable[[Template], None]:
    def mistake(template: Template) -> None:
        line = access_log(template) | {"more": f"$context.{variable}"}
        setting = template["Resources"]["Api"]["Properties"]["AccessLogSetting"]["Fn::If"][1]
        setting["Format"] = json.dumps(line)

    return mistake


TASKS = {"Fn::GetAtt": ["TasksTable", "Arn"]}
SECRET = {"Fn::GetAtt": ["ClaudeApiKeySecret", "Id"]}
CONNECTION_SECRETS = {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:x:y:secret:${AWS::StackName}/wecom/*"}
PUSH_KEY = {"Fn::GetAtt": ["PushKey", "Arn"]}
MISTAKES: list[tuple[Rule, Callable[[Template], None]]] = [
    (visibility_is_six_timeouts, change("Mappings", "WorkerTimeout", "900", "Visibility", to=5399)),
    (visibility_is_six_timeouts, change(*properties("DeadLetterFunction", "Timeout"), to=61)),
    (queue_has_dead_letter_queue, drop(*properties("TaskQueue", "RedrivePolicy"))),
    (schedule_has_dead_letter_queue,
     drop(*properties("SweeperFunction", "Events", "EveryMinute", "Properties", "DeadLetterConfig"))),
    (queue_has_dead_letter_queue,
     drop(*properties("NotifierFunction", "Events", "Changes", "Properties", "DestinationConfig"))),
    (stream_loses_nothing,
     drop(*properties("NotifierFunction", "Events", "Changes", "Properties", "DestinationConfig"))),
    (stream_loses_nothing,
     change(*properties("NotifierFunction", "Events", "Changes", "Properties", "MaximumRecordAgeInSeconds"),
            to=86_400)),
    (stream_loses_nothing,
     drop(*properties("NotifierFunction", "Events", "Changes", "Properties", "MaximumRetryAttempts"))),
    (stream_loses_nothing,
     drop(*properties("NotifierFunction", "Events", "Changes", "Properties", "FunctionResponseTypes"))),
    (stream_loses_nothing,
     change(*properties("NotifierFunction", "Events", "Changes", "Properties", "StartingPosition"),
            to="LATEST")),
    (stream_is_filtered,
     drop(*properties("NotifierFunction", "Events", "Changes", "Properties", "FilterCriteria"))),
    (who_seals_does_not_open, allow("ApiRole", "kms:Decrypt", {"Fn::GetAtt": ["PushKey", "Arn"]})),
    (loopback_is_local, drop("Rules")),
    (loopback_is_local, change("Parameters", "AllowLoopbackWebhooks", "Default", to="true")),
    (function_reaches_what_it_names,
     allow("SweeperRole", "kms:GenerateDataKey", {"Fn::GetAtt": ["PushKey", "Arn"]})),
    (queue_has_alarm, drop("Resources", "NotificationQueueBacklogAlarm")),
    (queue_has_alarm, drop("Resources", "ScheduleDeadLetterQueueAlarm")),
    (alarm_tells_somebody, drop(*properties("CleanupSilenceAlarm", "AlarmActions"))),
    (alarm_tells_somebody, drop(*properties("SweeperAlarm", "OKActions"))),
    (alarm_tells_somebody, drop("Resources", "SweeperAlarm")),
    (function_has_its_own_role,
     change(*properties("SweeperFunction", "Role"), to={"Fn::GetAtt": ["WorkerRole", "Arn"]})),
    (function_reaches_what_it_names, allow("AuthorizerRole", "dynamodb:GetItem", TASKS)),
    (function_reaches_what_it_names,
     drop(*properties("WorkerFunction", "Environment", "Variables", "TASKS_TABLE"))),
    (function_reaches_what_it_names,
     change(*properties("CleanupFunction", "Environment", "Variables", "QUEUE"), to={"Ref": "TaskQueue"})),
    (only_what_calls_claude_reads_the_secret, allow("SweeperRole", "secretsmanager:GetSecretValue", SECRET)),
    (only_what_calls_claude_reads_the_secret, allow("WebhooksRole", "secretsmanager:GetSecretValue", SECRET)),
    (only_what_signs_reads_the_projects_secrets,
     allow("ApiRole", "kms:Decrypt", PUSH_KEY)),
    (only_what_talks_with_wecom_reads_the_connections_secrets,
     allow("ApiRole", "secretsmanager:GetSecretValue", CONNECTION_SECRETS)),
    (only_what_talks_with_wecom_reads_the_connections_secrets,
     change(*properties("WecomRole", "Policies"), to=[])),
    (only_what_talks_with_wecom_reads_the_connections_secrets,
     change(*properties("WecomSenderRole", "Policies"), to=[])),
    (fixed_address_is_asked_for_and_the_senders_alone,
     change("Parameters", "WecomFixedIp", "Default", to="true")),
    (fixed_address_is_asked_for_and_the_senders_alone,
     drop("Resources", "WecomNatGateway", "Condition")),
    (fixed_address_is_asked_for_and_the_senders_alone, drop(*properties("WecomSenderFunction", "VpcConfig"))),
    (fixed_address_is_asked_for_and_the_senders_alone,
     change(*properties("ApiFunction", "VpcConfig"), to={"SubnetIds": []})),
    (fixed_address_is_asked_for_and_the_senders_alone,
     change(*properties("WecomSecurityGroup", "SecurityGroupIngress"), to=[])),
    (who_seals_does_not_open,
     allow("WebhooksRole", "kms:GenerateDataKey", {"Fn::GetAtt": ["PushKey", "Arn"]})),
    (function_is_given_what_it_reads,
     drop(*properties("WorkerFunction", "Environment", "Variables", "MAX_INPUT_WAIT_HOURS"))),
    (function_is_given_what_it_reads,
     drop(*properties("ApiFunction", "Environment", "Variables", "CLAUDE_BACKEND"))),
    (function_is_given_what_it_reads,
     drop(*properties("SweeperFunction", "Environment", "Variables", "RETENTION_DAYS"))),
    (function_is_given_what_it_reads,
     change(*properties("SweeperFunction", "Environment", "Variables", "MAX_ATTEMPTS"), to="3")),
    (function_is_given_what_it_reads,
     change(*properties("AuthorizerFunction", "Environment", "Variables", "LOG_FORMAT"), to="json")),
    (function_is_given_what_it_reads,
     change("Globals", "Function", "Environment", "Variables", "STAGE", to={"Ref": "Stage"})),
    (function_calls_what_it_names_and_is_not_called_back,
     allow("ApiRole", "lambda:InvokeFunction", {"Fn::GetAtt": ["WecomSenderFunction", "Arn"]})),
    (function_calls_what_it_names_and_is_not_called_back,
     allow("WecomSenderRole", "lambda:InvokeFunction", {"Fn::GetAtt": ["WecomFunction", "Arn"]})),
    (function_calls_what_it_names_and_is_not_called_back,
     drop(*properties("WecomFunction", "Environment", "Variables", "WECOM_SENDER_FUNCTION"))),
    (streaming_function_streams_everywhere,
     drop(*properties("A2AFunction", "Environment", "Variables", "AWS_LAMBDA_EXEC_WRAPPER"))),
    (streaming_function_streams_everywhere,
     drop(*properties("A2AFunction", "Events", "JsonRpc", "Properties", "ResponseTransferMode"))),
    (streaming_function_streams_everywhere,
     change(*properties("MessagesFunction", "Environment", "Variables", "STREAMING_HANDLER"),
            to="functions.api.app.handler")),
    (who_takes_tasks_of_callers_counts_those_that_wait, change(*properties("ApiRole", "Policies"), to=[])),
    (who_takes_tasks_of_callers_counts_those_that_wait, change(*properties("A2ARole", "Policies"), to=[])),
    (who_takes_tasks_of_callers_counts_those_that_wait, change(*properties("WecomRole", "Policies"), to=[])),
    (no_secret_is_in_an_environment,
     change(*properties("WorkerFunction", "Environment", "Variables", "CLAUDE_API_KEY"), to="sk-ant-0")),
    (no_secret_is_in_an_environment,
     change(*properties("WorkerFunction", "Environment", "Variables", "CLAUDE"),
            to={"Fn::Sub": "{{resolve:secretsmanager:${ClaudeApiKeySecret}:SecretString:apiKey}}"})),
    (no_secret_is_in_an_environment, change("Parameters", "ClaudeBackend", "NoEcho", to=True)),
    (claude_is_called_only_on_the_backend, drop("Resources", "BedrockPolicy", "Condition")),
    (claude_is_called_only_on_the_backend,
     allow("WorkerRole", "bedrock-mantle:CreateInference", {"Fn::Sub": "arn:${AWS::Partition}:x"})),
    (claude_is_called_only_on_the_backend,
     change("Conditions", "IsBedrock", to={"Fn::Equals": [{"Ref": "ClaudeBackend"}, "claude-api"]})),
    (tracing_is_allowed_only_where_it_is_on, drop("Resources", "XRayPolicy")),
    (tracing_is_allowed_only_where_it_is_on, drop("Resources", "XRayPolicy", "Condition")),
    (tracing_is_allowed_only_where_it_is_on, drop("Resources", "TracingHeadersPolicy", "Condition")),
    (tracing_is_allowed_only_where_it_is_on,
     change(*properties("XRayPolicy", "Roles"), to=[{"Ref": "AuthorizerRole"}])),
    (tracing_is_allowed_only_where_it_is_on, allow("ApiRole", "xray:PutSpans", "*")),
    (each_backend_has_its_models, drop("Mappings", "Models", "claude-on-aws")),
    (each_backend_has_its_models, drop("Mappings", "Models", "bedrock", "Haiku")),
    (each_backend_has_its_models, change("Mappings", "Models", "bedrock", "Haiku", to="claude-haiku-5-5")),
    (each_backends_models_have_prices,
     change("Mappings", "Models", "claude-api", "Opus", to="claude-opus-9")),
    (each_backends_models_have_prices,
     change("Mappings", "Models", "bedrock", "Haiku", to="anthropic.claude-haiku-9")),
    (policy_names_actions_and_resources,
     change(*properties("BedrockPolicy", "PolicyDocument", "Statement"),
            to=[{"Effect": "Allow", "Action": "bedrock-mantle:*", "Resource": "*"}])),
    (policy_names_actions_and_resources, allow("ApiRole", "dynamodb:*", TASKS)),
    (policy_names_actions_and_resources, allow("ApiRole", "dynamodb:Scan", "*")),
    (function_logs_to_its_own_group,
     change(*properties("ApiFunction", "LoggingConfig"), to={"LogGroup": {"Ref": "WorkerLogGroup"}})),
    (query_looks_at_every_function,
     change(*properties("ErrorsQuery", "LogGroupNames"), to=[{"Ref": "WorkerLogGroup"}])),
    (query_asks_for_what_is_logged,
     change(*properties("SlowestTasksQuery", "QueryString"), to="sort duration_ms desc")),
    (query_asks_for_what_is_logged,
     change(*properties("RefusedByKeyQuery", "QueryString"), to='filter message = "limit exceeded"')),
    (access_log_has_nothing_that_callers_write, access_log_with("path")),
    (access_log_has_nothing_that_callers_write, access_log_with("identity.userAgent")),
    (log_group_forgets, drop(*properties("ApiLogGroup", "RetentionInDays"))),
    (route_is_explicit_and_authorized,
     change(*properties("ApiFunction", "Events", "GetTask", "Properties", "Method"), to="ANY")),
    (route_is_explicit_and_authorized,
     change(*properties("ApiFunction", "Events", "GetTask", "Properties", "Auth"),
            to={"Authorizer": "NONE"})),
    (route_is_explicit_and_authorized, drop(*properties("Api", "Auth", "DefaultAuthorizer"))),
    (gateway_answers_like_the_functions,
     change(*properties("Api", "GatewayResponses", "THROTTLED", "ResponseTemplates", "application/json"),
            to='{"message": "slow down"}')),
    (parameter_is_described, drop("Parameters", "LeaseSeconds", "Description")),
    (parameter_is_described,
     change("Parameters", "Extra", to={"Type": "String", "Description": "In no group."})),
    (stored_data_survives_the_stack, drop("Resources", "TasksTable", "UpdateReplacePolicy")),
    (bucket_outlives_retention_by_thirty_days, change("Mappings", "Retention", "7", "ObjectDays", to=7)),
]  # fmt: skip
RULES: list[Rule] = list(dict.fromkeys(rule for rule, _ in MISTAKES))


@pytest.fixture(scope="module")
def template() -> Template:
    return parse(ROOT / "template.yaml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(template: Template, rule: Rule) -> None:
    assert rule(template) == []


@pytest.mark.parametrize(("rule", "mistake"), MISTAKES, ids=lambda item: item.__name__)
def test_the_rule_finds_the_mistake(
    template: Template, rule: Rule, mistake: Callable[[Template], None]
) -> None:
    mistaken = copy.deepcopy(template)

    mistake(mistaken)

    assert rule(mistaken)


def test_the_layers_are_built_for_the_architecture_that_the_template_takes_by_default(
    template: Template,
) -> None:
    makefile = (ROOT / "layers" / "wheels.mk").read_text()

    default = re.search(r"^ARCHITECTURE \?= (\S+)$", makefile, re.MULTILINE)

    assert default is not None
    assert default[1] == template["Parameters"]["Architecture"]["Default"]


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_an_environment_gives_only_parameters_and_values_that_the_template_takes(
    template: Template, environment: str
) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given = config[environment]["deploy"]["parameters"]["parameter_overrides"]

    for name, _, value in (entry.partition("=") for entry in given):
        allowed = template["Parameters"][name].get("AllowedValues")
        assert allowed is None or value in {str(item) for item in allowed}
