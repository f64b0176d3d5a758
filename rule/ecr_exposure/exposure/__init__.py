"""Whom a policy lets in: the tests, and the grants that they find.

In reading order:

* ``grant``: what an exposure is made of. ``evaluator``: the plain evaluator of one request.
* ``unconditional`` and ``weighed``: the tests. ``reasons`` and ``advisories``: what is told about them.
* ``search``: an Allow, a caller, the Denies that catch him, and the ways past them.
* ``outsider``: who comes from outside. ``keys``: what he can bring. ``demands``: what a condition asks of him.
* ``caller``: one caller who meets all demands, ``group`` by group; ``linked``: where variables tie groups.
* ``values``, ``points``, ``shapes``, ``addresses``: what single values can be. ``words`` and ``automata``: a text that
  fits some patterns and avoids others. ``budget``: the promise that it ends.
"""
