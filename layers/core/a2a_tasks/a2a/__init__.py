"""The A2A protocol (a2a-protocol.org): how tasks, messages and errors look to its clients."""
