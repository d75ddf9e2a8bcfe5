"""Conversations: messages, answers, and following what a task says."""
