"""``a2actl keys``: the API keys that callers authenticate with."""

from typing import Annotated, Any

import typer

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.rate import KeyLimits
from a2a_tasks.domain.task import iso8601
from a2actl.agents.commands import AsJson, Project, check_project, create_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.duration import parse_duration
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json, show_table

app = typer.Typer(no_args_is_help=True, help="Create, list, limit and revoke the API keys of a project.")

KEY_RANDOM_BYTES = 42
MAX_EXPIRY_MS = 3_650 * 86_400_000
MAX_PER_HOUR, MAX_BURST, MAX_OPEN_STREAMS = 10**9, 10**6, 500

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, or the key itself.")]
RequestsPerHour = Annotated[
    int | None, typer.Option(min=0, max=MAX_PER_HOUR, help="Requests per hour; 0 for no limit.")
]
RequestBurst = Annotated[int | None, typer.Option(min=1, max=MAX_BURST, help="Burst of requests.")]
CreationsPerHour = Annotated[
    int | None, typer.Option(min=0, max=MAX_PER_HOUR, help="New tasks per hour; 0 for no limit.")
]
CreationBurst = Annotated[int | None, typer.Option(min=1, max=MAX_BURST, help="Burst of new tasks.")]
OpenStreams = Annotated[
    int | None,
    typer.Option(
        min=0, max=MAX_OPEN_STREAMS, help="Concurrent streams and waiting requests; 0 for no limit."
    ),
]


@app.command("create")
def create(
    context: typer.Context,
    project: Project = None,
    name: Annotated[str, typer.Option(help="Who or what uses the key.")] = "",
    expires: Annotated[str | None, typer.Option(help="Its lifetime, such as 90d.", metavar="SPAN")] = None,
    requests_per_hour: RequestsPerHour = None,
    request_burst: RequestBurst = None,
    creations_per_hour: CreationsPerHour = None,
    creation_burst: CreationBurst = None,
    open_streams: OpenStreams = None,
) -> None:
    """Create an API key, and the project if it is new. Prints JSON; the key is shown only once.

    Limits that are not given are the deployment's.
    """
    limits = KeyLimits(requests_per_hour, request_burst, creations_per_hour, creation_burst, open_streams)
    stack = chosen_stack(context)
    project_id = stack.project(project)
    now = SystemClock().now()
    expires_at = now + _expiry(expires) if expires is not None else None
    key_id, key, secret_sha256 = api_key.issue(SystemEntropy().bytes(KEY_RANDOM_BYTES))
    with stack.deployment() as deployment:
        create_project(deployment, project_id)
        deployment.registry.create_key(
            ApiKey(key_id, project_id, name, secret_sha256, now, expires_at, limits=limits)
        )
    show_json({"keyId": key_id, "key": key})
    note("Store the key safely: only its hash is kept, so it cannot be shown again.")


@app.command("list")
def list_keys(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List a project's keys, oldest first, without their secrets."""
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.registry() as registry:
        keys = registry.keys_of(project_id)
        if not keys:
            check_project(registry, project_id)
    now = SystemClock().now()
    if as_json:
        show_json([to_json(key, now) for key in keys])
        return
    show_table(
        ("KEY", "NAME", "STATE", "CREATED", "EXPIRES", "LIMITS"),
        [
            (
                key.key_id,
                key.name or "–",
                state(key, now),
                iso8601(key.created_at),
                iso8601(key.expires_at) if key.expires_at is not None else "never",
                _limits(key),
            )
            for key in keys
        ],
    )


@app.command("limit")
def limit(
    context: typer.Context,
    key_id: KeyId,
    requests_per_hour: RequestsPerHour = None,
    request_burst: RequestBurst = None,
    creations_per_hour: CreationsPerHour = None,
    creation_burst: CreationBurst = None,
    open_streams: OpenStreams = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove the key's own limits, except those given here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set limits for a key, instead of the deployment's. Other limits stay unchanged."""
    limits = KeyLimits(requests_per_hour, request_burst, creations_per_hour, creation_burst, open_streams)
    if limits == KeyLimits() and not reset:
        raise Fault("No limit was given; `a2actl keys limit --help` lists them.")
    with chosen_stack(context).registry() as registry:
        key = registry.limit_key(_id_of(key_id), limits, reset=reset)
    if key is None:
        raise _unknown(key_id)
    if as_json:
        show_json(to_json(key, SystemClock().now()))
    else:
        typer.echo(f"{key.key_id}: {_limits(key)}")
    note("The old limits may apply for up to 60 seconds, while API Gateway caches the authorization.")


@app.command("revoke")
def revoke(
    context: typer.Context,
    key_id: KeyId,
    as_json: AsJson = False,
) -> None:
    """Revoke a key permanently."""
    now = SystemClock().now()
    with chosen_stack(context).registry() as registry:
        key = registry.revoke_key(_id_of(key_id), now)
    if key is None:
        raise _unknown(key_id)
    if as_json:
        show_json(to_json(key, now))
    else:
        typer.echo(f"{key.key_id}: revoked.")
    note("It may work for up to 60 seconds more, while API Gateway caches the authorization.")


def state(key: ApiKey, now: int) -> str:
    """``active``, ``revoked`` or ``expired``."""
    if key.revoked_at is not None:
        return "revoked"
    return "active" if key.is_usable(now) else "expired"


def to_json(key: ApiKey, now: int) -> dict[str, Any]:
    """``{"keyId", "projectId", "name", "state", "createdAt", "expiresAt"?, "revokedAt"?, "limits"?}``; no
    secret. ``limits`` are those of its own."""
    shown: dict[str, Any] = {
        "keyId": key.key_id,
        "projectId": key.project_id,
        "name": key.name,
        "state": state(key, now),
        "createdAt": iso8601(key.created_at),
    }
    if key.expires_at is not None:
        shown["expiresAt"] = iso8601(key.expires_at)
    if key.revoked_at is not None:
        shown["revokedAt"] = iso8601(key.revoked_at)
    if key.limits != KeyLimits():
        shown["limits"] = key.limits.to_named()
    return shown


def _limits(key: ApiKey) -> str:
    """Such as ``requestsPerHour 100, requestBurst 5``."""
    return ", ".join(f"{name} {value}" for name, value in key.limits.to_named().items()) or "as deployed"


def _id_of(given: str) -> str:
    """The id of a key, of which either the id or the whole key is given."""
    presented = api_key.parse(given)
    return presented.key_id if presented else given


def _unknown(given: str) -> Fault:
    return Fault(
        f"There is no key {_id_of(given)!r}; `a2actl keys list --project ID` shows a project's keys."
    )


def _expiry(text: str) -> int:
    span = parse_duration(text, "--expires")
    if span > MAX_EXPIRY_MS:
        raise Fault("--expires takes at most 3650d; leave it out for a key that never expires.")
    return span
