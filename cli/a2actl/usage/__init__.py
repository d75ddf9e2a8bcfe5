"""Who has used what."""
