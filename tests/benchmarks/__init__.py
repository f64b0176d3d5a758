"""Measurements of the function that anyone can run with `make benchmark`; no test takes a time.

Each module measures one subject, always beside something that it measures in the same run.
"""
