"""Export of spans over OTLP. Where tracing is off, nothing but ``span_outlet`` is imported."""
