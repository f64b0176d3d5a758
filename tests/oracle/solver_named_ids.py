"""The ids that a policy names: those that it has in full where it grants access, or excepts from a Deny."""

import re
import string
from collections import defaultdict
from dataclasses import dataclass

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import FEDERATED, ROLE, ROOT, USER, Caller, CallerRules
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_matching import match_arns, match_texts
from tests.oracle.solver_operators import OperatorType
from tests.oracle.solver_patterns import (
    Pattern,
    PolicyVariable,
    Wildcard,
    literal,
    read_pattern,
    without_repeated_stars,
)
from tests.oracle.solver_policy import Condition, Statement
from tests.oracle.solver_texts import solve
from tests.oracle.solver_values import Alternative, Identity, Piece

NamedIds = dict[Identity, frozenset[str]]

_ACCOUNT_IN_ARN = (Identity.ACCOUNT, re.compile(r"arn:[^:]*:[^:]*:[^:]*:([0-9]{12})(?![0-9])", re.DOTALL))
_VPC_IN_ARN = (Identity.VPC, re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:vpc/(vpc-[0-9a-f]+)$", re.DOTALL))
_ORGANIZATION_IN_PATH = (Identity.ORGANIZATION, re.compile(r"(o-[a-z0-9]{10,32})/"))
_ARN_KEYS = (
    "aws:principalarn lambda:sourcefunctionarn codebuild:buildarn codebuild:projectarn "
    "ec2:sourceinstancearn ssm:sourceinstancearn aws:chatbotsourcearn aws:signinsessionarn aws:federatedprovider"
).split()
_BEGINNINGS: dict[str, tuple[tuple[Identity, re.Pattern[str]], ...]] = {
    "aws:principalorgpaths": (_ORGANIZATION_IN_PATH,),
    "aws:vpceorgpaths": (_ORGANIZATION_IN_PATH,),
    "aws:userid": (
        (Identity.UNIQUE, re.compile(r"([A-Za-z0-9]{16,32})(?=:)")),
        (Identity.ACCOUNT, re.compile(r"([0-9]{12})(?![0-9])")),
    ),
    **dict.fromkeys(_ARN_KEYS, (_ACCOUNT_IN_ARN,)),
    "aws:sourcevpcarn": (_ACCOUNT_IN_ARN, _VPC_IN_ARN),
}
_WHOLES = {
    "aws:principalaccount": Identity.ACCOUNT,
    "aws:vpceaccount": Identity.ACCOUNT,
    "aws:principalorgid": Identity.ORGANIZATION,
    "aws:vpceorgid": Identity.ORGANIZATION,
    "aws:userid": Identity.UNIQUE,
    "aws:sourcevpc": Identity.VPC,
    "aws:ec2instancesourcevpc": Identity.VPC,
    "aws:sourcevpce": Identity.ENDPOINT,
    "identitystore:userid": Identity.STORE,
}
_KEYS_OF_KINDS = ("aws:principalarn", "aws:userid")
_KEYS = frozenset(_BEGINNINGS) | frozenset(_WHOLES)
# A pattern with fewer fixed characters of this kind matches with several ids.
_FIXED = {
    Identity.ACCOUNT: (12, "0123456789"),
    Identity.ORGANIZATION: (10, string.ascii_letters + string.digits),
    Identity.UNIQUE: (12, string.ascii_letters + string.digits),
}
_STEPS = 4_000_000


def named_ids(statements: tuple[Statement, ...], region: str | None) -> NamedIds:
    """The ids in Principal and positive conditions of an Allow, in NotPrincipal and negated conditions of a Deny."""
    found: dict[Identity, set[str]] = defaultdict(set)
    for statement in statements:
        if statement.principals.negated != statement.allow:
            found[Identity.ACCOUNT] |= statement.principals.named_accounts
            found[Identity.UNIQUE] |= statement.principals.named_ids
        for condition in statement.conditions:
            if condition.key in _KEYS and condition.operator.negated != statement.allow:
                for value in condition.values:
                    _add_value(found, condition, value, region)
    return {identity: frozenset(names) for identity, names in found.items()}


def _add_value(found: dict[Identity, set[str]], condition: Condition, value: str, region: str | None) -> None:
    operator = condition.operator
    if operator.type is OperatorType.NULL:
        return
    variables = condition.variables and operator.type in (OperatorType.TEXT, OperatorType.ARN)
    pattern = read_pattern(value, wildcards=operator.wildcards, variables=variables)
    names = dict(_written_names(condition.key, pattern))
    if any(not isinstance(token, frozenset) for token in pattern):
        names = _only_names(condition, pattern, region) | names
    for identity, name in names.items():
        found[identity].add(_in_its_case(identity, name) if operator.ignore_case else name)


def _in_its_case(identity: Identity, name: str) -> str:
    """The id in the letter case of its value domain, for an operator that ignores case."""
    if identity is Identity.UNIQUE:
        return name.upper()
    return name if identity is Identity.STORE else name.lower()


def _written_names(key: str, pattern: Pattern) -> list[tuple[Identity, str]]:
    """The ids at the fixed beginning of a value, or the whole value if it has no wildcards."""
    beginning = ""
    for token in pattern:
        if not isinstance(token, frozenset):
            break
        beginning += next(iter(token))
    complete = len(beginning) == len(pattern)
    names = []
    for identity, form in _BEGINNINGS.get(key, ()):
        if (hit := form.match(beginning)) and (complete or not form.pattern.endswith("$")):
            names.append((identity, hit[1]))
    if complete and key in _WHOLES and not names:
        names.append((_WHOLES[key], beginning))
    return names


@dataclass(frozen=True, slots=True)
class _Asked:
    """A pattern of a condition, and the kind of id that may be the only one with which it matches."""

    condition: Condition
    pattern: Pattern
    identity: Identity


def _only_names(condition: Condition, pattern: Pattern, region: str | None) -> dict[Identity, str]:
    """The ids without which no value could match, wherever the pattern has its wildcards."""
    fixed = "".join(next(iter(token)) for token in pattern if isinstance(token, frozenset))
    loose = without_repeated_stars(
        tuple(Wildcard.ANY_TEXT if isinstance(token, PolicyVariable) else token for token in pattern)
    )
    names = {}
    for identity in _identities(condition.key):
        least, characters = _FIXED.get(identity, (0, ""))
        if sum(char in characters for char in fixed) < least:
            continue
        only = _only_value(_Asked(condition, loose, identity), region)
        if only is not None:
            names[identity] = only
    return names


def _identities(key: str) -> set[Identity]:
    known = {identity for identity, _ in _BEGINNINGS.get(key, ())}
    return known | ({_WHOLES[key]} if key in _WHOLES else set())


def _only_value(asked: _Asked, region: str | None) -> str | None:
    """The only id with which the pattern can match; None if there is none or several, or if it matches without one."""
    key = asked.condition.key
    rules = CallerRules(owner=None, region=region, now=0, trusts_networks=True)
    found: set[str | None] = set()
    for kind in (ROLE, USER, ROOT, FEDERATED) if key in _KEYS_OF_KINDS else (None,):
        caller = Caller(rules, kind)
        for form in RequestContext(caller).key(key).values[0].texts():
            while len(found) < 2 and (more := _other_id(caller, asked, form, found)):
                found |= more
    return next(iter(found)) if len(found) == 1 else None


def _other_id(caller: Caller, asked: _Asked, form: Alternative, known: set[str | None]) -> set[str | None]:
    """One more id with which the pattern matches a form of the value, None if the form has no id; empty if none."""
    if asked.condition.operator.type is OperatorType.ARN:
        fits = match_arns((form,), asked.pattern, caller.encoding)[0]
    else:
        fold = asked.condition.operator.ignore_case
        fits = match_texts((form,), asked.pattern, caller.encoding, ignore_case=fold)
    pieces = [entry for entry in form.items if isinstance(entry, Piece) and entry.identity is asked.identity]
    if logic.is_false(fits) or (not pieces and None in known):
        return set()
    others = [logic.no(piece.member(literal(text))) for piece in pieces for text in known if text is not None]
    texts = solve(caller, [fits, *others], logic.Budget(_STEPS)).texts
    if texts is None:
        return set()
    return {texts.items((pieces[0],)) if pieces else None}
