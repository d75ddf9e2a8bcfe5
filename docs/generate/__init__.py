"""Generates the parts of pages that come from code, the template and measurements."""
