"""The search for a request that gets access; its one door is ``witness.find_openings``.

In reading order: ``witness`` looks for a request that an Allow matches and no Deny. ``callers`` says who may call, and
``constraints`` what a condition requires of one key. ``request_context`` finds one consistent context, with
``variable_values`` where policy variables make keys depend on each other. ``candidates`` picks the value of one key,
``value_domains`` has the values that a key can have, and ``strings`` finds strings that match patterns.
"""
