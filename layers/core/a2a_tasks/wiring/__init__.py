"""Services put together, once: ``build_…`` from ports, whoever hands them in; ``…_of_function`` on AWS."""
