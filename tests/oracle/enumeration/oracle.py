"""Decide by enumeration whether someone outside gets into a repository through its policy."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import product
from typing import Any

from tests.oracle.enumeration.actions import every_action
from tests.oracle.enumeration.automata import Words
from tests.oracle.enumeration.cells import Budget, UniverseCutError, cells
from tests.oracle.enumeration.documents import PolicyProblemError
from tests.oracle.enumeration.evaluator import Readings, Rules
from tests.oracle.enumeration.keys import Kind, key_info
from tests.oracle.enumeration.policy import Statement, parse_policy
from tests.oracle.enumeration.search import Search, action_classes
from tests.oracle.enumeration.shapes import ACCOUNT, ORGANIZATION_ID, account_tape, organization_tape
from tests.oracle.enumeration.text import Context
from tests.oracle.enumeration.universe import Universe
from tests.oracle.enumeration.world import (
    RESOURCE_ACCOUNT,
    RESOURCE_ORGANIZATION,
    RESOURCE_PATHS,
    Question,
    Setting,
    partitions_for,
    texts_of,
    zone,
)

_ACCOUNT_ID = re.compile(r"(?<!\d)\d{12}(?!\d)", re.ASCII)
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict, the request that gets in, and the place of a problem."""

    verdict: str
    request: Context | None = None
    place: str = ""


def decide(
    policy: str | dict[str, Any],
    *,
    test: str,
    owner: str | None,
    region: str | None = None,
    members: tuple[str, ...] = (),
    trusted_accounts: tuple[str, ...] = (),
    trusted_organizations: tuple[str, ...] = (),
    now: datetime,
    limit: int = 200000,
) -> str:
    """Say "open", "closed", "problem" or "undecided" for the test "reachable" or "external"."""
    return examine(
        policy,
        test=test,
        owner=owner,
        region=region,
        members=members,
        trusted_accounts=trusted_accounts,
        trusted_organizations=trusted_organizations,
        now=now,
        limit=limit,
    ).verdict


def examine(
    policy: str | dict[str, Any],
    *,
    test: str,
    owner: str | None,
    region: str | None = None,
    members: tuple[str, ...] = (),
    trusted_accounts: tuple[str, ...] = (),
    trusted_organizations: tuple[str, ...] = (),
    now: datetime,
    limit: int = 200000,
    readings: Readings | None = None,
) -> Finding:
    """Decide as `decide` does, and keep the request or the place."""
    if test not in ("reachable", "external"):
        raise ValueError(f"{test!r} is not a test")
    if test == "external" and owner is None:
        raise ValueError("external needs the owner")
    question = Question(
        test=test,
        owner=owner,
        region=region,
        members=members,
        trusted_accounts=trusted_accounts,
        trusted_organizations=trusted_organizations,
        now=math.ceil(now.timestamp()),
        rules=Rules(trusting=test == "reachable", readings=readings or Readings()),
    )
    try:
        statements = parse_policy(policy)
    except PolicyProblemError as problem:
        return Finding("problem", place=problem.place)
    if not any(statement.allow for statement in statements):
        return Finding("closed")
    return _judge(question, statements, limit)


def _judge(question: Question, statements: tuple[Statement, ...], limit: int) -> Finding:
    """Open as soon as one part of the universe is open, closed when all of them are."""
    doubt = False
    try:
        for setting, actions in _settings(question, statements, limit):
            try:
                search = Search(statements, setting, question.rules, actions, Budget(limit))
                found, maybe = search.run()
            except UniverseCutError:
                found, maybe = None, True
            if found is not None:
                return Finding("open", request=found)
            doubt = doubt or maybe
    except UniverseCutError:
        doubt = True
    return Finding("undecided" if doubt else "closed")


def _mentioned(statements: tuple[Statement, ...]) -> frozenset[str]:
    """Every key that a condition looks at or reads."""
    return frozenset(
        key
        for statement in statements
        for condition in statement.conditions
        for key in (condition.key, *condition.variables())
    )


def _settings(
    question: Question, statements: tuple[Statement, ...], limit: int
) -> Iterator[tuple[Setting, tuple[str, ...]]]:
    """The parts of the universe: partition, owner, way of the call, class of action."""
    keys = _mentioned(statements)
    partitions = partitions_for(question, statements)
    barred = zone(question, statements, partitions)
    network = {Kind.SOURCE_IP, Kind.ENDPOINT} & {key_info(key).kind for key in keys}
    first = Setting(
        partition=partitions[0],
        through_endpoint=False,
        tagging="none",
        owner=question.owner,
        owner_path=None,
        region=question.region,
        now=question.now,
        barred_ids=tuple(barred.items()),
    )
    budget = Budget(limit)
    owners = _owners(first, statements, keys, budget)
    paths = _owner_paths(first, statements, keys, budget)
    classes = action_classes(statements, every_action(statements))
    ways = (False, True) if network else (False,)
    for partition, owner, path, way, (tagging, actions) in product(partitions, owners, paths, ways, classes):
        ids = dict(barred)
        if owner is not None:
            ids[ACCOUNT] = ids.get(ACCOUNT, frozenset()) | {owner}
        if path is not None:
            ids[ORGANIZATION_ID] = ids.get(ORGANIZATION_ID, frozenset()) | {path.split("/")[0]}
        yield (
            replace(
                first,
                partition=partition,
                through_endpoint=way,
                tagging=tagging,
                owner=owner,
                owner_path=path,
                barred_ids=tuple(ids.items()),
            ),
            actions,
        )


def _owners(
    setting: Setting, statements: tuple[Statement, ...], keys: frozenset[str], budget: Budget
) -> list[str | None]:
    """An unknown owner is any account that is not named."""
    if setting.owner is not None or RESOURCE_ACCOUNT not in keys:
        return [setting.owner]
    universe = Universe(statements, setting, budget)
    spoken = {found for text in texts_of(statements) for found in _ACCOUNT_ID.findall(text)}
    probes = (*universe.probes(RESOURCE_ACCOUNT, "account"), ("account", Words(spoken)))
    found = cells(account_tape(), probes, universe.bar(ACCOUNT, "account"), budget)
    return [one["account"] for one in found]


def _owner_paths(
    setting: Setting, statements: tuple[Statement, ...], keys: frozenset[str], budget: Budget
) -> list[str | None]:
    """The owner is in no organization or in some organization."""
    if not {RESOURCE_ORGANIZATION, RESOURCE_PATHS} & keys:
        return [None]
    universe = Universe(statements, setting, budget)
    spoken = {found for text in texts_of(statements) for found in _ORGANIZATION_ID.findall(text)}
    probes = (
        *universe.probes(RESOURCE_ORGANIZATION, "id"),
        *universe.probes(RESOURCE_PATHS, "path"),
        ("id", Words(spoken)),
    )
    return [None, *(one["path"] for one in cells(organization_tape(), probes, (), budget))]


def open_points(policy: str | dict[str, Any], **question: Any) -> tuple[str, ...]:
    """The readings whose other side would change the verdict; the question as in `decide`."""
    usual = Readings()
    base = examine(policy, **question).verdict
    return tuple(
        each.name
        for each in fields(Readings)
        if examine(
            policy,
            **question,
            readings=replace(usual, **{each.name: not getattr(usual, each.name)}),
        ).verdict
        != base
    )
