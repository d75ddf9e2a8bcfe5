"""What the services need from the outside, as protocols; `adapters` implements them."""
