"""Pinned versions, known vulnerabilities, and the bill of materials."""
