"""A Lambda runtime that can stream what a function answers, which the managed one for Python cannot.

It speaks the Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and
"Response streaming" there) and takes the managed runtime's place in its own process: the core layer's
``streaming-runtime`` is the function's ``AWS_LAMBDA_EXEC_WRAPPER``. Standard library only.
"""
