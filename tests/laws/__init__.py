"""Laws: properties that hold for every policy, on generated ones."""
