"""What is deployed: builds of functions and layers, their archives, and the release's name."""
