"""`python -m local.gateway`: the gateway of a local stack, as a process of its own."""

import argparse
import signal
from pathlib import Path
from threading import Event

import boto3

from local.gateway.deployed_function import DeployedFunction
from local.gateway.environment import Environment
from local.gateway.errors import GatewayErrors
from local.gateway.gateway import Gateway
from local.gateway.logs import Logs
from local.gateway.pool import Pool
from local.gateway.server import serving
from local.gateway.settings import Settings


def main() -> None:
    """Serve until the process is asked to stop. The environment has the address of AWS."""
    parser = argparse.ArgumentParser(
        prog="python -m local.gateway", description="Local API Gateway with response streaming."
    )
    parser.add_argument("--settings", type=Path, required=True, help="settings file of the deployment")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    options = parser.parse_args()
    settings = Settings.load(options.settings)
    functions, sts = boto3.client("lambda"), boto3.client("sts")
    logs = Logs(boto3.client("logs"))
    logs.start()

    def start(function: DeployedFunction) -> Environment:
        role = sts.assume_role(RoleArn=function.role_arn, RoleSessionName=function.name)
        return Environment(function, settings.python, role["Credentials"], logs)

    gateway = Gateway(
        settings,
        GatewayErrors.of_api(settings.api_id),
        Pool(start),
        lambda route: DeployedFunction.read(functions, settings, route),
    )
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serving(gateway, options.port) as address:
        print(f"The gateway of the local stack on {address}", flush=True)
        stopped.wait()
        gateway.pool.end()


if __name__ == "__main__":
    main()
