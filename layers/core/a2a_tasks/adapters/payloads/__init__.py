"""Texts and files of tasks, in the table or in the bucket."""
