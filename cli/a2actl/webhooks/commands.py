"""``a2actl webhooks``: signing secrets, and notifications that could not be delivered."""

import asyncio
import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain.task import iso8601
from a2a_tasks.domain.webhooks.secret import WebhookSecret, fingerprint
from a2actl.agents.commands import AsJson, Project, create_project, unknown_project
from a2actl.dead_letters.queues import QueueName
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.amount import counted
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from a2a_tasks.ports.webhooks import ReceiverAnswer
    from a2actl.dead_letters.queue import DeadMessage
    from a2actl.deployment.deployment import Deployment

app = typer.Typer(
    no_args_is_help=True, help="Signing secrets of notifications, and undelivered notifications."
)
secret_app = typer.Typer(no_args_is_help=True, help="Rotate, show and test a project's signing secret.")
app.add_typer(secret_app, name="secret")

TELL_EVERY = 100
"""Notifications sent again between two words about it."""


@secret_app.command("rotate")
def rotate(
    context: typer.Context,
    project: Project = None,
    retire_previous: Annotated[
        bool, typer.Option("--retire-previous", help="Stop signing with the previous secret.")
    ] = False,
    start_anew: Annotated[
        bool,
        typer.Option(
            "--start-anew", help="Replace all secrets, even if the current one cannot be decrypted."
        ),
    ] = False,
) -> None:
    """Create a new secret, or the first. The previous one also signs until you retire it."""
    if retire_previous and start_anew:
        raise Fault("--start-anew replaces all secrets; remove --retire-previous.")
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        secrets = deployment.webhook_secrets
        is_there = deployment.registry.project(project_id) is not None
        if start_anew and is_there:
            now = secrets.start_anew(project_id)
        elif retire_previous:
            now = secrets.change(project_id, lambda secret: _retired(secret, project_id))
        elif secrets.read(project_id) is not None:
            now = secrets.change(project_id, lambda secret: _rotated(secret, project_id, secrets.chance()))
        else:
            create_project(deployment, project_id)
            now = _secret_of(deployment, project_id)
    signing = "both it and the previous one sign" if now.previous else "it alone signs"
    typer.echo(f"{project_id}: the current secret is {fingerprint(now.current)}; {signing}.")
    note("It is used within a minute. Receivers need the secret itself: a2actl webhooks secret show --reveal")


@secret_app.command("show")
def show(
    context: typer.Context,
    project: Project = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print the secrets themselves, as JSON.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the signing secrets, by default only their fingerprints."""
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        secret = _secret_of(deployment, project_id)
    if reveal:
        show_json(json.loads(secret.to_json()))
        return
    shown = {"current": fingerprint(secret.current), "rotatedAt": secret.rotated_at}
    if secret.previous is not None:
        shown["previous"] = fingerprint(secret.previous)
    if as_json:
        show_json({"projectId": project_id} | shown)
        return
    show_fields(
        [
            ("Project", project_id),
            ("Current secret", shown["current"]),
            ("Previous secret", shown.get("previous", "–")),
            ("Rotated", secret.rotated_at),
        ]
    )


@secret_app.command("test")
def send_test(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The receiver's URL, https://…")],
    project: Project = None,
) -> None:
    """Send a signed test event to a receiver from this machine, under the same rules as notifications."""
    from a2a_tasks.ports.webhooks import NotAnswered

    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        secret = _secret_of(deployment, project_id)
    try:
        answer = asyncio.run(_post_test(url, secret, allow_loopback=stack.is_emulated))
    except NotAnswered as error:
        raise Fault(f"The receiver was not reached: {error}.") from None
    if problem := _problem_of(answer):
        raise Fault(problem)
    signed = "the current and the previous secret" if secret.previous else "the current secret"
    typer.echo(f"{urlsplit(url).hostname} accepted the test event ({answer.status}), signed with {signed}.")


@app.command("list")
def list_configs(
    context: typer.Context,
    task: Annotated[str, typer.Option("--task", metavar="ID", help="The task's id.")],
    as_json: AsJson = False,
) -> None:
    """List the receivers of a task's changes."""
    with chosen_stack(context).deployment() as deployment:
        configs = deployment.push_configs.all(task)
    if as_json:
        show_json(
            [{"id": config.config_id, "url": config.url, "format": config.format} for config in configs]
        )
        return
    show_table(
        ("CONFIGURATION", "URL", "FORMAT"),
        [(config.config_id, config.url, config.format.value) for config in configs],
    )


@app.command("redeliver")
def redeliver(
    context: typer.Context,
    task: Annotated[
        str | None, typer.Option("--task", metavar="ID", help="Only the notifications of this task.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the notifications and why they failed.")
    ] = False,
) -> None:
    """Send undelivered notifications again, with the same ids and the full retry period."""
    from a2actl.webhooks.notifications import notification_in

    chosen: list[DeadMessage] = []
    passed_over: list[DeadMessage] = []
    with chosen_stack(context).deployment() as deployment:
        queue = deployment.dead_letters(QueueName.NOTIFICATIONS)
        with closing(queue.messages()) as dead:
            try:
                for message in dead:
                    if not _is_wanted(message, task):
                        passed_over.append(message)
                        continue
                    if not dry_run:
                        queue.send_again(message)
                    chosen.append(message)
                    if not dry_run and len(chosen) % TELL_EVERY == 0:
                        note(f"{len(chosen)} sent again …")
                    if len(chosen) == limit:
                        break
            finally:
                left = [*passed_over, *chosen] if dry_run else passed_over
                queue.show([message.receipt for message in left])
    if dry_run:
        show_table(
            ("TASK", "CONFIGURATION", "CHANGE", "GIVEN UP", "REASON"), [_row(message) for message in chosen]
        )
    else:
        typer.echo(f"{counted(len(chosen), 'notification')} sent again.")
    if foreign := sum(notification_in(message) is None for message in passed_over):
        note(f"Messages in the dead-letter queue that are not notifications, and were left there: {foreign}")


def _rotated(secret: WebhookSecret, project_id: str, chance: tuple[bytes, int]) -> WebhookSecret:
    # also where this is repeated after a lost answer: the secret that receivers have must stay live
    if secret.previous is not None:
        raise Fault(
            f"The project {project_id} already has two active secrets. When its receivers have the"
            f" new one: a2actl webhooks secret rotate --project {project_id} --retire-previous"
        )
    return secret.rotated(*chance)


def _retired(secret: WebhookSecret, project_id: str) -> WebhookSecret:
    if secret.previous is None:
        raise Fault(f"The project {project_id} has no previous secret to retire.")
    return secret.retired()


def _secret_of(deployment: "Deployment", project_id: str) -> WebhookSecret:
    secret = deployment.webhook_secrets.read(project_id)
    if secret is not None:
        return secret
    if deployment.registry.project(project_id) is None:
        raise unknown_project(project_id)
    from a2actl.webhooks.secrets import no_secret

    raise no_secret(project_id)


async def _post_test(url: str, secret: WebhookSecret, *, allow_loopback: bool) -> "ReceiverAnswer":
    from a2a_tasks.adapters.webhooks.client import GuardedClient
    from a2a_tasks.webhooks.request_headers import headers

    now, mark = SystemClock().now(), SystemEntropy().bytes(8).hex()
    body = json.dumps(
        {
            "statusUpdate": {
                "taskId": f"test-{mark}",
                "contextId": f"test-{mark}",
                "status": {"state": "TASK_STATE_WORKING", "timestamp": iso8601(now)},
                "metadata": {"test": True},
            }
        }
    ).encode()
    client = GuardedClient(allow_loopback=allow_loopback)
    return await client.post(url, headers(secret.live, f"msg_test_{mark}", now // 1000, body), body)


def _problem_of(answer: "ReceiverAnswer") -> str | None:
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"The receiver responded with {status}, and redirects are not followed; use the final URL."
    if status == 410:
        return "The receiver responded with 410, which deletes the push configuration of a notification."
    if status in (401, 403):
        return (
            f"The receiver responded with {status}; it may not have this secret, or may require other"
            " authentication."
        )
    return f"The receiver responded with {status}; a notification would be retried."


def _is_wanted(message: "DeadMessage", task_id: str | None) -> bool:
    from a2actl.webhooks.notifications import notification_in

    notification = notification_in(message)
    return notification is not None and task_id in (None, notification.ref.task_id)


def _row(message: "DeadMessage") -> tuple[str, ...]:
    from a2actl.webhooks.notifications import notification_in

    found = notification_in(message)
    named = ("–", "–", "–") if found is None else (found.ref.task_id, found.config_id, found.status.value)
    return (*named, iso8601(message.sent_at), message.reason)
