"""`make conformance KIT=DIR`: A2A's own conformance kit (a2aproject/a2a-tck) against the local stack.

The kit is a checkout outside this repository. Its scenario files, which are read when it runs, say what the
agent must do.
"""
