"""A simulator of a deployment under load: the real services on the twins and one virtual clock, with what AWS
does to them.

What it models: how long each call takes and what it costs (``cloud.py``, ``calls.py``); the share of a
processor that a function's memory buys, which all calls of a process wait for (``sandbox.py``); partitions
that take 1,000 write units a second; indexes that lag (``stores.py``); the ramp and the limit of the event
source, batches, cold starts, frozen and killed processes, asynchronous retries (``functions.py``); turns of
the model, and its overload (``model.py``). Concurrency, memory, timeouts, schedules, retries and receives are
the template's (``settings.py``).

What it does not: the gateway and its limits, the account's concurrency, an on-demand table that is still
cold, the transport and serialization inside the adapters, and streams with the notifier behind them. A
process has as many threads as it asks for.
"""
