"""What is looked at, a part of the deployment each."""
