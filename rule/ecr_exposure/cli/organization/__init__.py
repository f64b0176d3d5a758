"""What ``preflight`` reads of the organization: ``inventory`` are the facts, all else reads them from AWS.

``reader`` reads all; ``account_reader`` one account in one Region, ``aggregator_reader`` what the organization
aggregator shows of accounts that cannot be reached, ``control_tower`` the landing zone, ``encryption_key`` a KMS key.
``stack_reader`` reads the deployed stacks.
"""
