"""Checks against a real AWS account, run by a person; each is tried here against a stand-in."""
