"""A Lambda runtime that streams responses, which the managed one for Python cannot.

It implements the Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes"
and "Response streaming") and replaces the managed runtime in its own process: the core layer's
``streaming-runtime`` is the function's ``AWS_LAMBDA_EXEC_WRAPPER``. Standard library only.
"""
