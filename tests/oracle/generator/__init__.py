"""Policies and questions at random, sound ones and broken ones."""
