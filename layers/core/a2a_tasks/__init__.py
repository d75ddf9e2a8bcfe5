"""a2a-tasks: what every function shares, in packages by subject.

``wiring`` puts the subjects together on ``adapters``; they know ``ports`` alone, and everything may use
``domain``. pyproject.toml has the order of all, which `make lint` checks.
"""
