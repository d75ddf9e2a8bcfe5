"""Export of spans over OTLP. Imported only where tracing is on."""
