"""The context that Lambda gives a handler, with a running time that does not run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaContext:
    remaining_ms: int = 900_000
    function_name: str = "a2a-tasks"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:a2a-tasks"
    aws_request_id: str = "5f3f2f60-3c7f-4a33-9c1a-0d2f4f4a7c11"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms
