"""A double of WeCom (企业微信): its API, its callbacks, and the people who write to applications and bots.

It is written from WeCom's documentation and shares no code with the system under test.
"""
