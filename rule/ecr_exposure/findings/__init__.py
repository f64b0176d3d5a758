"""What the rule reports about a policy.

``access_tests`` finds grants and has the sentences of each test, ``grants`` puts them in order. ``reasons`` says why a
statement grants access and no Deny prevents it, ``explanations`` why a condition restricts nobody, and ``advisories``
what else an owner should know. ``sentences`` names things and decides what gives way in a long sentence.
"""
