"""Measurements of the function that anyone can run with `make benchmark`; nothing here is a test.

Each module measures one subject, always beside something that it measures in the same run.
"""
