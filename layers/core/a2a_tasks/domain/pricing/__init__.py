"""What the model's API bills, and what that costs."""
