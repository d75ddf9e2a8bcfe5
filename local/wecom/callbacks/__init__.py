"""Requests that WeCom sends to a connection's callback URL."""
