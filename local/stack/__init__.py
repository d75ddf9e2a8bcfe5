"""The local stack: an AWS emulator, its processes and ports, and what is deployed to it."""
