"""Laws that hold for every policy."""
