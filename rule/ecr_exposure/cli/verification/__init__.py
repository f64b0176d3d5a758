"""What ``verify`` consists of: the temporary repository, the steps, the clean-up, and what one run shows about AWS.

It imports nothing of the other commands' packages.
"""
