"""The console: a page for people at /console, which works with the API as any caller does.

Imported on demand, because only this page needs it. Its files are in ``static``.
"""
