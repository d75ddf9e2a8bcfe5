"""Whether a deployment is whole: everything that it is made of looked at, and one task through."""
