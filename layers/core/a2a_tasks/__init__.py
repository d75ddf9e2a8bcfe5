"""a2a-tasks: rules, services, ports and adapters shared by every function. Arrows point one way:

``functions → services → ports ← adapters``, and everything may use ``domain``.
"""
