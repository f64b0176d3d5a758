"""The files that the command check reads: which they are, which reader each is for, and what excuses their policies.

In reading order: ``files`` finds them in folders; ``recognition`` says by the content of a file which reader of
``policies_in_json``, ``policies_in_templates``, ``policies_in_terraform`` or ``policies_in_plans`` it is for;
``suppressions`` reads, in comments and in .ecr-exposure.yaml, which policies are public on purpose.
"""
