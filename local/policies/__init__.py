"""What the deployed roles and resource policies allow, read from the template as CloudFormation gets it."""
