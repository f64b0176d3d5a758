"""What ``ecr-exposure scan`` reads of Amazon ECR: all repositories of accounts and Regions, with their policies.

In reading order: ``account_access`` has the credentials for an account, ``place_reader`` reads the repositories of one
account in one Region, ``live_scan`` all of them side by side, and ``scan_file`` keeps them for ``--resume``.
"""
