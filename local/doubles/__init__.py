"""What the stand-in for Claude and the double of WeCom have in common: connections, and how they are run."""
