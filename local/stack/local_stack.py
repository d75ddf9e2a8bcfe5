"""The whole system on this machine: the template of the repository, deployed to an AWS emulator."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from local.builds.packing import PACKED, pack
from local.builds.release import release_of, stamped
from local.builds.sam_build import build_digest, delete_old_builds, outdated, shared_build
from local.builds.sources import deployment_digest
from local.faults.client import SERVICES
from local.gateway.server import HEALTH_PATH
from local.gateway.settings import Settings
from local.progress import Progress, Silent
from local.stack.amendments import (
    allow_plain_http,
    apply_concurrency,
    apply_gateway_responses,
    hand_out_events,
)
from local.stack.claude import Claude
from local.stack.ports import Ports
from local.stack.process import BackgroundProcess
from local.stack.stream_positions import forget_stream_positions
from local.template.samconfig import samconfig, template_parameters
from local.tools import BUILDER, EMULATOR, MICROBURST, ROOT, SAM, install_tools, run_tool

REGION = "us-east-1"
# The emulator accepts any credentials. These are invented: the user's own are never passed on.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
CONFIG_ENVIRONMENT = "local"
CONFIGURATION = ("--config-file", str(ROOT / "samconfig.toml"), "--config-env", CONFIG_ENVIRONMENT)
PASSED_ON = ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "LANG", "LC_ALL", "TZ")
# Many times the usual duration. A build may have to fetch its packages.
BUILD_SECONDS, DEPLOY_SECONDS = 900.0, 600.0
# The interval at which SAM polls a deployment. Its default is five seconds.
SAM_POLL_SECONDS = "0.5"
# A call that the emulator does not answer fails after a minute.
BOUNDED = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2})
MODELS = create_loader()
"""Of AWS's services, shared by all sessions: to load them again takes 90 ms of CPU."""
ARCHITECTURES = {"arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Deployment:
    """What was deployed: the API's address without a slash at the end, and the template's outputs."""

    api_url: str
    outputs: Mapping[str, str]
    digest: str


@dataclass
class LocalStack:
    """The emulator, the stand-in for Claude, the deployed template and the API's gateway, with their files
    under `folder`.

    Several stacks can run at a time, each with its own folder and ports. `parameters` are passed to the
    template, and override those of the local environment in samconfig.toml. With `shares_build` the
    build is not in the folder, but shared by all stacks of the same sources that live for less than a day.
    With `forks_functions` each process of a function but its first starts with its layers' packages loaded.
    With `has_faults` the functions' AWS calls, and no others, go through the proxy at `faults_url`, where
    `local.faults` makes them fail: none until it is told to.
    """

    folder: Path
    ports: Ports
    claude: Claude
    parameters: Mapping[str, str] = field(default_factory=dict)
    enforce_iam: bool = True
    shares_build: bool = False
    has_faults: bool = False
    forks_functions: bool = False
    progress: Progress = field(default_factory=Silent)

    @classmethod
    def separate(
        cls,
        folder: Path,
        parameters: Mapping[str, str] | None = None,
        *,
        has_faults: bool = False,
        forks_functions: bool = False,
    ) -> "LocalStack":
        """A stack on free ports, with the stand-in, separate from the one of `make run`. It must live for
        less than a day: its build is shared."""
        ports = Ports.free()
        claude = Claude.stand_in(ports.stand_in)
        return cls(
            folder,
            ports,
            claude,
            parameters or {},
            shares_build=True,
            has_faults=has_faults,
            forks_functions=forks_functions,
        )

    @property
    def architecture(self) -> str:
        return ARCHITECTURES.get(platform.machine(), "x86_64")

    @property
    def build(self) -> Path:
        """The folder of the deployed build."""
        return shared_build(self.architecture) if self.shares_build else self.folder / "build"

    @property
    def stack_name(self) -> str:
        return str(samconfig(CONFIG_ENVIRONMENT)["global"]["parameters"]["stack_name"])

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.emulator}"

    @property
    def faults_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.faults}"

    @property
    def functions_endpoint_url(self) -> str:
        """The AWS endpoint of the functions."""
        return self.faults_url if self.has_faults else self.endpoint_url

    @property
    def aws_environment(self) -> dict[str, str]:
        """Environment variables that make every AWS client use the emulator only."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    @property
    def command_environment(self) -> dict[str, str]:
        """The user's environment without its AWS and Claude settings, and with those of the emulator."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANTHROPIC_"))
        }
        return {**own, **self.aws_environment}

    @property
    def emulator(self) -> BackgroundProcess:
        return self._emulator

    @property
    def stand_in(self) -> BackgroundProcess:
        return self._stand_in

    @property
    def gateway(self) -> BackgroundProcess:
        return self._gateway

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        stand_in_port = str(self.ports.stand_in)
        self._emulator = BackgroundProcess(
            name="emulator",
            # -P: nothing may be imported from the script's folder
            command=[
                EMULATOR.program("python"),
                "-P",
                str(ROOT / "local" / "stack" / "emulator.py"),
                *(["--fork-functions"] if self.forks_functions else []),
            ],
            mark="emulator.py",
            folder=self.folder / "processes",
            health_url=f"{self.endpoint_url}/_ministack/ready",
        )
        self._faults = BackgroundProcess(
            name="faults",
            command=[MICROBURST.program("python"), "-P", str(ROOT / "local" / "faults/proxy.py"),
                     "--upstream", self.endpoint_url, "--port", str(self.ports.faults),
                     "--services", *SERVICES],
            mark="faults/proxy.py",
            folder=self.folder / "processes",
            health_url=f"{self.faults_url}/_microburst/health",
        )  # fmt: skip
        self._stand_in = BackgroundProcess(
            name="stand-in",
            command=[sys.executable, "-m", "local.standin", "--host", "127.0.0.1", "--port", stand_in_port],
            mark="local.standin",
            folder=self.folder / "processes",
            health_url=f"http://127.0.0.1:{stand_in_port}/_standin/health",
        )
        self._gateway = BackgroundProcess(
            name="gateway",
            command=[sys.executable, "-m", "local.gateway", "--settings", str(self._gateway_path),
                     "--port", str(self.ports.gateway)],
            mark="local.gateway",
            folder=self.folder / "processes",
            health_url=f"http://127.0.0.1:{self.ports.gateway}{HEALTH_PATH}",
        )  # fmt: skip

    def up(self) -> Deployment:
        """Start what is not running and deploy what has changed.

        Raises ToolError or NotHealthyError if a step fails, with the end of its output.
        """
        install_tools(self.progress)
        self.start()
        parameters = self._parameters()
        digest = deployment_digest(parameters | asdict(self.ports))
        deployment = self._deployed(digest) or self._deploy(parameters, digest)
        self._put_claude_key(deployment.outputs["ClaudeApiKeySecretArn"])
        with self.progress.step("Start the API's gateway"):
            self._gateway.start(self._gateway_environment())
        return deployment

    def start(self) -> None:
        """Start the stand-in, the emulator and the proxy, if the stack has them, unless they are running."""
        if self.claude.is_stand_in:
            with self.progress.step("Start the stand-in for Claude"):
                self._stand_in.start(self._stand_in_environment())
        if self.has_faults:
            with self.progress.step("Start the proxy that makes AWS calls fail"):
                MICROBURST.ensure()
                self._faults.start(_plain_environment())
        with self.progress.step("Start the AWS emulator"):
            if not self._emulator.runs():
                self._gateway.stop()  # its functions have credentials of the previous emulator
                self._emulator.stop()
                # Code that an earlier emulator unpacked and did not delete.
                shutil.rmtree(self.folder / "tmp", ignore_errors=True)
                forget_stream_positions(self.folder / "state")
            self._emulator.start(self._emulator_environment())

    def stop(self) -> bool:
        """Stop everything that `up` started. True if anything was running. The emulator saves its state."""
        ran = [self._gateway.stop(), self._emulator.stop(), self._faults.stop(), self._stand_in.stop()]
        return any(ran)

    def kill(self) -> None:
        """Kill everything that `up` started. Nothing is saved."""
        for process in (self._gateway, self._emulator, self._faults, self._stand_in):
            process.kill()

    def forget(self) -> None:
        """Delete everything that the stack has stored."""
        self.stop()
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        self._deployment_path.unlink(missing_ok=True)

    def logged(self, function: str, since: int) -> Iterator[str]:
        """The log of a function, by its name without the stack's, since then (Unix milliseconds)."""
        logs = self.session().client("logs", endpoint_url=self.endpoint_url)
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.stack_name}-{function}", startTime=since
        )
        return (event["message"] for page in pages for event in page["events"])

    def session(self) -> boto3.Session:
        """A boto3 session with the emulator's credentials and region. Clients need `endpoint_url`."""
        core = botocore.session.Session()
        core.register_component("data_loader", MODELS)
        core.set_default_client_config(BOUNDED)
        return boto3.Session(
            botocore_session=core,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    @property
    def _deployment_path(self) -> Path:
        return self.folder / "deployment.json"

    @property
    def _gateway_path(self) -> Path:
        return self.folder / "gateway.json"

    def _parameters(self) -> dict[str, str]:
        return {
            **template_parameters(CONFIG_ENVIRONMENT),
            "Architecture": self.architecture,
            "ClaudeBaseUrl": self.claude.base_url,
            **self.parameters,
        }

    def _deployed(self, digest: str) -> Deployment | None:
        """The deployment, if it is up to date and the emulator still has it."""
        try:
            deployment = Deployment(**json.loads(self._deployment_path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        deployed = self._stack_status() in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return deployment if deployed and deployment.digest == digest else None

    def _stack_status(self) -> str | None:
        cloudformation = self.session().client("cloudformation", endpoint_url=self.endpoint_url)
        try:
            return cloudformation.describe_stacks(StackName=self.stack_name)["Stacks"][0]["StackStatus"]
        except ClientError:
            return None

    def _delete_failed_stack(self) -> None:
        """A stack whose first deployment failed cannot be updated, only deleted."""
        if self._stack_status() in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            cloudformation = self.session().client("cloudformation", endpoint_url=self.endpoint_url)
            cloudformation.delete_stack(StackName=self.stack_name)
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=self.stack_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )

    def _deploy(self, parameters: Mapping[str, str], digest: str) -> Deployment:
        self._deployment_path.unlink(missing_ok=True)
        build = self.build
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self._build(build, overrides)
        with self.progress.step("Deploy the template (sam deploy)"):
            self._make_artifact_bucket()
            self._delete_failed_stack()
            template = stamped(build / PACKED, release_of(digest), f"template-{digest[:10]}.json")
            run_tool(
                [SAM.program("sam"), "deploy", *CONFIGURATION,
                 "--template-file", str(template), "--parameter-overrides", *overrides],
                self._sam_environment(),
                seconds=DEPLOY_SECONDS,
            )  # fmt: skip
        outputs = self._outputs()
        with self.progress.step("Add what the emulator omits"):
            session, url = self.session(), self.endpoint_url
            apply_concurrency(session, url)
            allow_plain_http(session, url, bucket=outputs["PayloadBucket"])
            routes = hand_out_events(session, url, stack_name=self.stack_name, api_id=outputs["ApiId"])
            apply_gateway_responses(session, url, stack_name=self.stack_name, api_id=outputs["ApiId"])
        self._gateway.stop()
        emulated = f"{url}/_aws/execute-api/{outputs['ApiId']}"
        Settings(
            emulated, outputs["ApiId"], build, EMULATOR.program("python"), self.functions_endpoint_url, routes
        ).save(self._gateway_path)
        api_url = f"http://127.0.0.1:{self.ports.gateway}/{parameters['Stage']}"
        deployment = Deployment(api_url, outputs, digest)
        self._deployment_path.write_text(json.dumps(asdict(deployment)))
        return deployment

    def _build(self, build: Path, overrides: list[str]) -> None:
        """Build into a folder, unless it contains the build of these sources."""
        with (
            self.progress.step("Build the functions and layers (sam build)"),
            outdated(build, build_digest(self.architecture)) as is_outdated,
        ):
            if is_outdated:
                if self.shares_build:
                    delete_old_builds()
                run_tool(
                    [SAM.program("sam"), "build", *CONFIGURATION, "--build-dir", str(build),
                     "--parameter-overrides", *overrides],
                    self._sam_environment(),
                    seconds=BUILD_SECONDS,
                )  # fmt: skip
                pack(build)

    def _make_artifact_bucket(self) -> None:
        bucket = samconfig(CONFIG_ENVIRONMENT)["deploy"]["parameters"]["s3_bucket"]
        self.session().client("s3", endpoint_url=self.endpoint_url).create_bucket(Bucket=bucket)

    def _outputs(self) -> dict[str, str]:
        cloudformation = self.session().client("cloudformation", endpoint_url=self.endpoint_url)
        stack = cloudformation.describe_stacks(StackName=self.stack_name)["Stacks"][0]
        return {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}

    def _put_claude_key(self, secret_arn: str) -> None:
        self.session().client("secretsmanager", endpoint_url=self.endpoint_url).put_secret_value(
            SecretId=secret_arn, SecretString=json.dumps({"apiKey": self.claude.api_key})
        )

    def _sam_environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(BUILDER.folder / "bin"), os.environ.get("PATH", os.defpath)])
        return {
            **self.command_environment,
            "PATH": path,
            "ARCHITECTURE": self.architecture,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": SAM_POLL_SECONDS,
        }

    def _stand_in_environment(self) -> dict[str, str]:
        return {**_plain_environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def _gateway_environment(self) -> dict[str, str]:
        temporary = {"TMPDIR": str(self.folder / "tmp")}
        return {**self._stand_in_environment(), **self.aws_environment, **temporary}

    def _emulator_environment(self) -> dict[str, str]:
        state = self.folder / "state"
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {
            **_plain_environment(),
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.functions_endpoint_url,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.ports.emulator),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AUTH": "true" if self.enforce_iam else "false",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
            "TMPDIR": str(temporary),
            # They would open ports of their own.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }


def _plain_environment() -> dict[str, str]:
    """The variables that a program needs of the user's environment, and no secret: functions inherit it."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), **passed}
