"""The report of ``ecr-exposure check``, in each of its formats.

In reading order: ``checked_policy`` is the one list that all of them are written from.
"""
