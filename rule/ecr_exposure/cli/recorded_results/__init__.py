"""What ``ecr-exposure report`` reads of an aggregator, and how its two answers become one.

In reading order: ``evaluations`` reads what the rule evaluated, ``report_reading`` everything side by side, and
``recorded_policy`` combines an evaluation with the policy, evaluated anew.
"""
