"""``a2actl wecom connections rotate``: new secrets in the place of old ones."""

from dataclasses import replace
from typing import Annotated

import typer

from a2a_tasks.adapters.system import SystemEntropy
from a2a_tasks.wecom.connection import (
    KEY_RANDOM_BYTES,
    Connection,
    ConnectionKind,
    ConnectionSecrets,
    new_keys,
)
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal import secret_input
from a2actl.terminal.fault import Fault
from a2actl.terminal.language import LanguageOption, chosen_language
from a2actl.terminal.secret_input import OwnKeys
from a2actl.wecom.connections import ConnectionId, found_connection, store, url_of
from a2actl.wecom.guide import rotation_guide


def rotate(
    context: typer.Context,
    connection: ConnectionId,
    retire_previous: Annotated[
        bool, typer.Option("--retire-previous", help="Invalidate the previous Token and EncodingAESKey.")
    ] = False,
    corp_secret: Annotated[
        bool, typer.Option("--corp-secret", help="Read an application's new Secret from stdin.")
    ] = False,
    webhook_key: Annotated[
        bool, typer.Option("--webhook-key", help="Read a group robot's new Webhook URL from stdin.")
    ] = False,
    own_keys: OwnKeys = False,
    language: LanguageOption = None,
) -> None:
    """Create a new Token and EncodingAESKey. The previous ones also stay valid until you retire them."""
    if retire_previous + corp_secret + webhook_key + own_keys > 1:
        raise Fault(
            "--retire-previous, --corp-secret, --webhook-key and --own-keys exclude each other;"
            " use one of them."
        )
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        found = found_connection(deployment, connection)
        _check_rotation(found, corp_secret=corp_secret, webhook_key=webhook_key)
        before = deployment.connection_secrets.read(connection) or ConnectionSecrets()
        if retire_previous:
            after = _retired(before, connection)
        elif corp_secret:
            [line] = secret_input.read_lines("Secret")
            after = replace(before, corp_secret=secret_input.corp_secret(line))
        elif webhook_key:
            [line] = secret_input.read_lines("Webhook URL")
            after = replace(before, webhook_key=secret_input.webhook_key(line))
        else:
            after = _rotated(before, connection, own_keys=own_keys)
        arn = deployment.connection_secrets.write(connection, after)
        if arn != found.secret_arn:  # the secret was deleted permanently, and this is another of its name
            store(deployment, replace(found, secret_arn=arn))
    if corp_secret or webhook_key:
        typer.echo(f"{connection}: replaced. The new secret is used within five minutes.")
    elif retire_previous:
        typer.echo(f"{connection}: the previous Token and EncodingAESKey become invalid within five minutes.")
    else:
        typer.echo(rotation_guide(found, url_of(stack, found), after, chosen_language(language)))


def _rotated(before: ConnectionSecrets, connection_id: str, *, own_keys: bool) -> ConnectionSecrets:
    # also where this is repeated after a lost answer: the ones that WeCom has must stay good
    if before.previous_token:
        raise Fault(
            f"{connection_id} already has new and previous keys. `a2actl wecom connections setup"
            f" {connection_id}` shows the new ones; when WeCom has them:"
            f" a2actl wecom connections rotate {connection_id} --retire-previous"
        )
    if own_keys:
        token, aes_key = secret_input.read_lines("Token", "EncodingAESKey")
        return before.rotated(secret_input.token(token), secret_input.aes_key(aes_key))
    return before.rotated(*new_keys(SystemEntropy().bytes(KEY_RANDOM_BYTES)))


def _retired(before: ConnectionSecrets, connection_id: str) -> ConnectionSecrets:
    if not before.previous_token:
        raise Fault(f"{connection_id} has no previous Token and EncodingAESKey to retire.")
    return before.retired()


def _check_rotation(found: Connection, *, corp_secret: bool, webhook_key: bool) -> None:
    """Raises ``Fault`` for a secret that this kind does not have."""
    if corp_secret and found.kind is not ConnectionKind.APP:
        raise Fault(f"--corp-secret is for an application; {found.connection_id} is of kind {found.kind}.")
    if webhook_key != (found.kind is ConnectionKind.GROUP):
        raise Fault(
            "A group robot has only a Webhook URL: --webhook-key."
            if found.kind is ConnectionKind.GROUP
            else f"--webhook-key is for a group robot; {found.connection_id} is of kind {found.kind}."
        )
