"""People's departments, asked by the sender, which alone may have an address that WeCom trusts."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.ports.errors import DepartmentsRefused, DepartmentsUnavailable
from a2a_tasks.wecom.connection import Connection

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class DepartmentsBySender:
    """``DepartmentReader``. ``client`` gives one that is over before WeCom has gone; ``function`` is the
    sender's name."""

    client: "Callable[[], LambdaClient]"
    function: str

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        question = {"departmentsOf": {"connectionId": connection.connection_id, "userId": user_id}}
        with port_errors(DepartmentsUnavailable):
            answer = self.client().invoke(FunctionName=self.function, Payload=json.dumps(question).encode())
            payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise DepartmentsUnavailable("the sender has failed; its log says why")
        match json.loads(payload):
            case {"departments": [*numbers]}:
                return frozenset(int(number) for number in numbers)
            case {"refused": str(words)}:
                raise DepartmentsRefused(words)
            case {"unavailable": str(reason)}:
                raise DepartmentsUnavailable(reason)
        raise DepartmentsUnavailable("the sender's answer is none")
