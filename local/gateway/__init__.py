"""API Gateway's part that the emulator lacks: answers that arrive in pieces.

Every request goes to the emulator's gateway, which finds its route, checks its key and answers it. Where the
deployed integration streams, the answer is instead the event for the function (event_function.py), and the
function's process runs here, on the runtime that it has on AWS.
"""
