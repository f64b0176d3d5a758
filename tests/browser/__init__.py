"""The page of the format html in a real browser; see conftest.py."""
