"""Services on their adapters, put together from a function's environment; what several functions share."""
