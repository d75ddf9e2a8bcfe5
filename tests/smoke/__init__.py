"""Checks of a real deployment: ``make smoke STACK=name``.

Each file of ``checks`` has one subject. A run makes a project of its own, works through the public API, AWS's
own API and a2actl's modules, prints a table, and removes what it has made (``leftovers``).
"""
