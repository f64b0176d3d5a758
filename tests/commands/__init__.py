"""The command ``ecr-exposure``, run against a local AWS."""
