"""Shared by the stand-in for Claude and the double of WeCom: connections, and how they are run."""
