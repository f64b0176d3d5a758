"""What ``preflight`` reads of the organization: ``inventory`` are the facts, all else reads them from AWS.

``reader`` reads all: ``organization_reader`` the organization, ``accounts_to_read`` chooses, ``account_reader`` reads
the accounts in all Regions, side by side (``workers``, ``shared_clients``, ``role_credentials``, ``config_reader``).
``aggregator_reader`` reads what the organization aggregator shows of accounts that cannot be reached, ``control_tower``
the landing zone, ``encryption_key`` a KMS key, ``security_hub_reader`` Security Hub, ``stack_reader`` the deployed
stacks. ``earlier_readings`` are the files of ``--from`` and ``--resume``, ``reading_document`` what is in them and
``saved_reading`` what it means.
"""
