"""Connects the double's bot to a deployed stack, as `a2actl wecom connections create` does."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from a2a_tasks.adapters.wecom.connections import ConnectionTaken, DynamoDBConnections
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets, callback_path
from local.stack.local_stack import Deployment, LocalStack
from local.wecom.client import WeComClient

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def connect_bot(
    stack: LocalStack,
    deployment: Deployment,
    wecom: WeComClient,
    connection_id: str,
    project_id: str,
    agent_id: str,
) -> str:
    """Connect the bot with an agent, and return the callback URL to set in the double. A repeated call
    replaces the connection."""
    session, url = stack.session(), stack.endpoint_url
    bot = wecom.settings().bot
    secrets = ConnectionSecrets(bot.token, bot.encoding_aes_key)
    secret_arn = _put_secret(
        session.client("secretsmanager", endpoint_url=url),
        f"{stack.stack_name}/wecom/{connection_id}",
        json.dumps(secrets.to_named()),
    )
    connection = Connection(
        connection_id=connection_id,
        project_id=project_id,
        kind=ConnectionKind.BOT,
        secret_arn=secret_arn,
        created_at=0,
        agent_id=agent_id,
        bot_id=bot.bot_id,
        bot_name=bot.name,
        api_url=wecom.base_url,
    )
    registry = session.client("dynamodb", endpoint_url=url)
    connections = DynamoDBConnections(registry, deployment.outputs["RegistryTable"])
    try:
        connections.create(connection)
    except ConnectionTaken:
        connections.replace(connection)
    return deployment.api_url + callback_path(connection_id)


def _put_secret(secrets: "SecretsManagerClient", name: str, text: str) -> str:
    try:
        return secrets.create_secret(Name=name, SecretString=text)["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
    return secrets.put_secret_value(SecretId=name, SecretString=text)["ARN"]
