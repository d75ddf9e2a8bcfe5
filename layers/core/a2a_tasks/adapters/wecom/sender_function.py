"""Questions to the sender, which alone may have an address that WeCom trusts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.aws_errors import port_errors

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class SenderFunction:
    """Calls the sender and waits. ``client`` gives one that is over before WeCom has gone; ``function`` is
    the sender's name."""

    client: "Callable[[], LambdaClient]"
    function: str

    def ask(self, question: Mapping[str, Any], unavailable: type[Exception]) -> Any:
        """The answer to a question, whatever JSON it is. Raises ``unavailable`` where there is none."""
        with port_errors(unavailable):
            answer = self.client().invoke(FunctionName=self.function, Payload=json.dumps(question).encode())
            payload = answer["Payload"].read()
        # Lambda returns 200 even if the function itself has failed
        if "FunctionError" in answer:
            raise unavailable("the sender has failed; its log says why")
        return json.loads(payload)
