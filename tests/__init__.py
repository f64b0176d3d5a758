"""Tests; `tests.corpus.loader` reads the corpus, `tests.local_aws` is an AWS organization in one process."""
