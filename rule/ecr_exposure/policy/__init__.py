"""What a policy document says: document, principals, actions, patterns, conditions."""
