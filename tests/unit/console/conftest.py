"""The api function's package turns off collection of garbage for its cold start; here it goes on."""

import gc

import functions.api  # noqa: F401

gc.enable()
