"""An AWS organization inside one process, for the end-to-end tests and the demo.

- ``organization``: the accounts and their repositories. moto emulates AWS; ``local_session`` isolates the
  process from real AWS; ``local_endpoint`` receives every request, logs it (``calls``) and injects ``faults``.
- ``config_service``: AWS Config. It keeps rules and evaluations in ``config_store``, records configuration
  items with ``recorder``, and invokes the handler under test as a ``lambda_function``.
- ``deployed_stack``: template.yaml deployed to the organization. ``templates`` resolves what moto does not
  create; ``roles`` decides which role can assume which.
- ``moto_*``: API operations that moto does not emulate, by service. ``bucket``: Amazon S3 for other processes.
- ``demo``, ``demo_input``: `make demo`.
"""
