"""Properties that hold for every policy, on generated policies."""
