"""Tests of the rule: policy, search, findings, verdict, handler."""
