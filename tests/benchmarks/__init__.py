"""Measurements that anyone can run with `make benchmark`; nothing here is a test."""
