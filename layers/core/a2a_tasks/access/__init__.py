"""Who is calling, how often they may, and what may be spent."""
