"""What is deployed: builds of functions and layers, their archives, and what a release is called."""
