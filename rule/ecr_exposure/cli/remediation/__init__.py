"""What ``fix`` does: closes the policy of a file or of a repository, and restores a saved one.

* ``chosen_mode``: how to close it, by the options, AWS Organizations or an answer. ``proposal``: the finding, and the
  change that `remedy` makes. ``how_to_apply``: the steps for the console, the AWS CLI, Terraform and CloudFormation.
* ``file_fix``: a file, with ``policy_file`` and ``policy_text``.
* ``repository_fix``: a repository, and --undo. ``excluded_repository`` says whether it is public on purpose.
  ``repository_run`` keeps the previous policy by ``saved_policy``, and ``policy_change`` replaces it and looks at what
  is there; ``same_policy`` compares. ``repository_policy`` has the calls of Amazon ECR.
"""
