"""The corpus: one hand-labelled policy a file; `loader` reads it."""
