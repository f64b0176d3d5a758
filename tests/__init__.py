"""Tests; `tests.cases` reads the corpus, `tests.local_aws` is an AWS organization in one process."""
