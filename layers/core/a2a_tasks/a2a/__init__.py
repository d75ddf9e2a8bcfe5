"""The A2A protocol (a2a-protocol.org): requests, tasks and errors in its terms."""
