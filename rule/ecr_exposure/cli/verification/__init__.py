"""What ``verify`` consists of: the temporary repository, the steps, the clean-up, and what one run shows about AWS.

``verify_run`` is one run: the steps of ``verify_steps``, the clean-up, and the last lines.
"""
