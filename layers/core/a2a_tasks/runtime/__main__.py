"""A function's process: loads the handler and serves invocations one by one."""

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from a2a_tasks.runtime.answer import StreamedAnswer
from a2a_tasks.runtime.invocation import Context
from a2a_tasks.runtime.runtime_api import RuntimeApi

type Handler = Callable[[Any, Context], Any]


def run(api: RuntimeApi, handler: Handler) -> None:
    """Serve forever. ``handler(event, context)`` returns a ``StreamedAnswer`` or a JSON document."""
    while True:
        event, context = api.next()
        os.environ["_X_AMZN_TRACE_ID"] = context.trace_id  # where X-Ray looks for it
        try:
            answer = handler(event, context)
        except Exception as error:
            traceback.print_exc()
            api.fail(context.aws_request_id, error)
            continue
        if isinstance(answer, StreamedAnswer):
            failure = api.stream(context.aws_request_id, answer.chunks())
            if failure is not None:
                traceback.print_exception(failure)
        else:
            api.respond(context.aws_request_id, answer)


def load(name: str) -> Handler:
    """The handler by its name ``package.module.function``."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def main() -> None:
    """Run the function that Lambda's environment variables describe."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ["STREAMING_HANDLER"])
    except BaseException as error:
        # whatever it is, Lambda is told why there will be no process; also SystemExit at an import
        traceback.print_exc()
        api.fail_to_start(error)
        sys.exit(1)
    run(api, handler)


if __name__ == "__main__":
    main()
