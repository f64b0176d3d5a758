"""What ``fix`` does: closes the policy of a file or of a repository, and restores a saved one.

``proposal`` is the change that `remedy` makes of a policy. ``file_fix`` writes it to a file, with ``policy_file`` and
``policy_text``. ``repository_fix`` writes it to a repository: ``chosen_mode`` asks what is not known,
``saved_policy`` keeps the previous policy, ``policy_change`` replaces it and looks at what is there afterwards.
``how_to_apply`` are the steps for the console, the AWS CLI, Terraform and AWS CloudFormation.
"""
