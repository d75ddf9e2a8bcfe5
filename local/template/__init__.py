"""The template as CloudFormation sees it, and the linters' findings."""
