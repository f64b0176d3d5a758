"""Which prerequisites of a deployment are missing, and the AWS CLI commands that fix them.

``problems`` puts the findings in order; each of the others finds those of one subject. ``excluded_accounts`` says
which accounts would fail the deployment, ``recorder_settings`` compares and completes configuration recorders, and
``findings_report`` prints.
"""
