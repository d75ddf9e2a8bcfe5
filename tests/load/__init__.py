"""Load tests of a deployment: ``simulator/`` simulates one, ``scenarios/`` has loads and faults, and what
must hold under them. ``make simulate`` runs all of them at full size; the unit tests run those that need few
tasks.
"""
