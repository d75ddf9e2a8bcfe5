"""The ports on AWS and on Claude. boto3 is imported here and nowhere else."""
