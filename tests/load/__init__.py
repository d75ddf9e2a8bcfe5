"""Deployments under load: ``simulator/`` simulates one, ``scenarios/`` holds what happens to it and what must
hold then. ``make simulate`` runs all of it at full size; the unit tests run what shows with few tasks.
"""
