"""What the deployed roles and resources allow, read from the template as CloudFormation gets it."""
