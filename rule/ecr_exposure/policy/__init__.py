"""What AWS documents about a policy and a request; nothing here knows what "public" or "external" means.

In reading order: ``document`` reads a policy with ``principals``, ``actions`` and ``conditions``; ``operators`` and
``condition_keys`` are the tables of the condition operators and keys; ``variables``, ``patterns``, ``addresses`` and
``json_values`` read single values. ``evaluator`` decides whether a policy allows one request, and
``malformed_principals`` says what is wrong with a value that is no principal.
"""
