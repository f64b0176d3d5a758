"""One person: everything that a request says about its caller, and what principals look at."""

from collections.abc import Iterable

from tests.oracle.enumeration.automata import Words
from tests.oracle.enumeration.cells import Probe, Texts
from tests.oracle.enumeration.evaluator import CALLER
from tests.oracle.enumeration.policy import Entry, Statement

Candidate = dict[str, tuple[str, ...]]
"""A part of a request."""


def principal_probes(statements: Iterable[Statement]) -> tuple[Probe, ...]:
    """Principals look at accounts and ARNs, and at the name and the session of a role."""
    words: dict[str, set[str]] = {}
    for value in (value for statement in statements for value in statement.principals):
        if value.entry in (Entry.ACCOUNT, Entry.ROOT, Entry.PROVIDER):
            words.setdefault("account", set()).add(value.account)
        elif value.entry is Entry.CALLER:
            rest = value.text.split(":", 5)[5]
            if not rest.startswith("assumed-role/"):
                words.setdefault("arn", set()).add(value.text)
                continue
            _, name, session = rest.split("/")
            parts = {"account": value.account, "name": name, "session": session}
            for view, word in parts.items():
                words.setdefault(view, set()).add(word)
    return tuple((view, Words(each)) for view, each in words.items())


def person(kind: str, partition: str, texts: Texts) -> Candidate:
    """Everything that a request says about its caller."""
    account, arn = texts["account"], texts["arn"]
    types = {"role": "AssumedRole", "user": "User", "federated": "FederatedUser", "root": "Account"}
    caller = arn
    if kind == "role":
        caller = f"arn:{partition}:sts::{account}:assumed-role/{texts['name']}/{texts['session']}"
    found: Candidate = {
        CALLER: (caller,),
        "aws:principalarn": (arn,),
        "aws:principalaccount": (account,),
        "aws:principaltype": (types[kind],),
        "aws:userid": (texts["userid"],),
    }
    if kind == "user":
        found["aws:username"] = (texts["name"],)
    return found
