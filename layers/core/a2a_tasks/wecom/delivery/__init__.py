"""Answers that reach people in WeCom."""
