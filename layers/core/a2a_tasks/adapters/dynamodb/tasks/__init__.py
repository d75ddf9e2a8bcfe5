"""Tasks and what they own, on DynamoDB."""
