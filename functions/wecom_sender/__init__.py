"""Runs before `app`: nothing becomes garbage while modules load, and looking for it is a good part of a cold
start. `app` turns collection on again, and leaves what was loaded out of it."""

import gc

gc.disable()
