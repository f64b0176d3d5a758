"""What the rule reports about a policy."""
