"""Replies, whole and as a stream."""
