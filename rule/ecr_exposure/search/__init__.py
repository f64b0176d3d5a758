"""The search for one request that gets access."""
