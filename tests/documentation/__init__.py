"""Tests that the README and the pages in docs/ are true."""
