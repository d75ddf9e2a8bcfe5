"""What a deployment needs, checked before it starts: `make preflight ENV=dev`.

One subject a file. What can be known without an account is a function of a ``Target``; what takes one is an
``AccountCheck``: a reader that asks AWS, and a judgement over what it read.
"""
