"""The part of API Gateway that the emulator lacks: streamed responses.

Every request goes to the emulator's gateway, which finds its route, checks its key and answers it. For a
route whose deployed integration streams, the response is instead the event for the function
(event_function.py), and the function's process runs here, on the runtime that it has on AWS.
"""
