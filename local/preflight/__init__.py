"""Checks a deployment's prerequisites before it starts: `make preflight ENV=dev`.

One subject a file. A check that needs no account is a function of a ``Target``; one that does is an
``AccountCheck``: a reader that calls AWS, and a function that judges what was read.
"""
