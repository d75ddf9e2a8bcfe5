"""Values as the JSON objects that callers get: camelCase, times as text. Pure functions."""
