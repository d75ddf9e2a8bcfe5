"""The ports on AWS and Claude. boto3 is imported nowhere else."""
