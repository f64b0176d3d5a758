"""Tests of the `ecr-exposure` command."""
