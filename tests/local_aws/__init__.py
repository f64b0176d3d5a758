"""An AWS organization in one process, for the end-to-end tests and the demo.

``organization`` (accounts, sessions, repositories) stands on moto in a ``process`` of its own; ``gateway``
lets every request through, logs it (``calls``) and spoils some (``faults``). ``recorder`` writes
configuration items, ``ledger`` keeps rules and evaluations, ``moto_gaps`` serves both over the API.
``config_service`` invokes the handler under test through ``function``.

``deployment`` puts template.yaml on it: moto makes what it knows, ``templates`` reads the rest, ``roles``
checks who may take which role. ``bucket`` is S3 for a process of its own. What the operator's commands ask
and moto lacks is in ``governance``, ``deployment_gaps`` and ``failed_events``.
"""
