"""The template as CloudFormation sees it, and what linters say of it."""
