"""Whom a policy lets in: the tests, and the grants that they find."""
