"""What the rule reports about a policy.

``access_tests`` finds grants and has the sentences of each test, ``grants`` puts them in order, ``explanations`` says
why a statement grants access, and ``advisories`` what else an owner should know.
"""
