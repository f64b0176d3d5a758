"""A reader of HCL, the language of Terraform and OpenTofu code, that keeps the places; it knows no policy.

In reading order: ``hcl_reader`` finds the blocks and attributes of a file; ``hcl_tokens``, ``hcl_expressions`` and
``hcl_templates`` are the tokens, the expressions as trees, and what is inside quoted strings and heredocs.
"""
