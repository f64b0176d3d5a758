"""The operator's command ``ecr-exposure``; nothing outside this package imports it, and the function lacks it.

* ``main``: the command and its exit codes. ``command_line``: what its subcommands share; ``terminal``: lines,
  time and signals; ``aws_calls``: clients and their errors; ``assumed_role``: the clients of a role; ``stack``: a
  deployed stack and its rule.
* ``preflight``: the prerequisites before a deployment. ``organization`` reads them from AWS, ``prerequisites`` says
  which are missing, and ``values`` writes what follows from them to parameters.yaml. Each imports only those before it.
* ``verify``: the check of a deployed stack with one ``temporary_repository``. ``verify_steps`` makes it public and
  waits, ``clean_up`` closes and deletes it, ``leftovers`` finds those of earlier runs. ``observations`` reads what
  else the run shows, ``open_questions`` what that says about AWS behavior that is undocumented.
* ``replay``: invokes the function again with its failed events, each of them a ``failed_event``.
* ``fix``: closes the policy of a repository or a file. ``remediation`` has its parts.
"""
