"""An AWS organization in one process, for the end-to-end tests and the demo.

``organization`` (accounts, sessions, repositories) stands on moto; ``gateway`` lets every request
through, logs it (``calls``) and spoils some (``faults``). ``recorder`` writes configuration items,
``ledger`` keeps rules and evaluations, ``moto_gaps`` serves both over the API. ``config_service``
invokes the handler under test through ``function``.
"""
