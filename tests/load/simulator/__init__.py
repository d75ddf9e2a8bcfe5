"""A simulator of a deployment under load: the real services on the twins and one virtual clock, with a model
of AWS.

Modelled are: the duration and cost of each call (``cloud.py``, ``calls.py``); the share of a
processor that a function's memory buys, for which all calls of a process compete (``sandbox.py``); partitions
that take 1,000 write units a second; indexes with a lag (``stores.py``); the ramp and the limit of the event
source, batches, cold starts, frozen and killed processes, asynchronous retries (``functions.py``); turns of
the model, and its overload (``model.py``). Concurrency, memory, timeouts, schedules, retries and receives are
the template's (``settings.py``).

Not modelled are: the gateway and its limits, the account's concurrency, an on-demand table that is still
cold, and the transport and serialization inside the adapters. A
process has as many threads as it asks for.
"""
