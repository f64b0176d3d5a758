"""Which prerequisites of a deployment are missing, and the AWS CLI commands that fix them.

``problems`` puts the findings in order; each of the others finds those of one subject. ``groups`` makes one finding of
equal ones. ``excluded_accounts`` says which accounts would fail the deployment, ``recorder_settings`` compares and
completes configuration recorders, and ``scope`` and ``findings_report`` print.
"""
