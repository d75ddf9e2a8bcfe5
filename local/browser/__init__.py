"""Chromium without a window, driven by Playwright, for tests of the console and its screenshots."""
