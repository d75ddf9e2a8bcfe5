"""The ports on AWS and Claude. botocore is imported nowhere else."""
