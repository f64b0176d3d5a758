"""The values that a condition key can have: one record a domain, and the forms of what identifies a caller.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
"""

import string
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, StrEnum
from typing import Final, NamedTuple

from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.search.strings import (
    Automaton,
    Budget,
    CharClass,
    ExclusionAutomaton,
    Form,
    Literal,
    Repeat,
    shortest_match,
)


class IdKind(StrEnum):
    """The kinds of id by which a policy names a caller; also the tape to which the id inside a value is written."""

    ACCOUNT = "account"
    ORGANIZATION = "organization"
    UNIQUE_ID = "unique id"
    NETWORK = "network"
    OWN_ID = "own id"


class Naming(Enum):
    """How a value of a policy names an id."""

    NOTHING = "the value names no caller"
    ACCOUNT = "the value is an account"
    ORGANIZATION = "the value is an organization"
    NETWORK = "the value is a VPC or a VPC endpoint"
    OWN_ID = "every complete value is an id"
    ORGANIZATION_PATH = "the value begins with an organization"
    USERID = "the value begins with a unique id or an account"
    ARN = "the value is an ARN with an account"


class Selection(Enum):
    """How the search finds a value that meets all constraints."""

    LISTED = "among the only values"
    NUMBER = "among numbers"
    ADDRESS = "among addresses"
    PATTERN = "the shortest string of the domain's forms"
    UNKNOWN = "as the operators read it"
    CORRELATED = "together with other keys"


VALUE: Final = "value"
"""The tape that holds the whole value of a key."""
CALLER_ARN: Final = "Principal"
"""The tape that holds the ARN of the caller. Names of keys are in lower case, so no key of a policy has this name."""


def _samples(samples: str) -> CharClass:
    return CharClass(frozenset(samples).__contains__, samples)


_DIGIT: Final = _samples("9876543210")
_LOWER: Final = _samples("zyxwvutsrqponmlkjihgfedcba9876543210")
_HEX: Final = _samples("fedcba9876543210")
_CAPITAL: Final = _samples("ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210")
_NAME: Final = CharClass(
    lambda c: c == "_" or c in "+=,.@-" or (c.isascii() and c.isalnum()),
    "xyz" + string.ascii_letters + "0123456789_+=,.@-",
)
# The path of a user or role takes every visible ASCII character, colons too, so a path can match a pattern that
# crosses colons: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_PATH: Final = CharClass(lambda c: "!" <= c <= "~", _NAME.samples + "/:")
_REGION: Final = _samples("-" + string.ascii_lowercase + string.digits)
_PRINTABLE: Final = CharClass(
    lambda c: c.isprintable(), "xyz" + string.ascii_letters + string.digits + " -_.:/=+@,;!#%&'()<>[]^`{|}~\"\\$*?"
)


def _repeat(characters: CharClass, least: int, most: int | None, *tapes: str) -> Repeat:
    return Repeat(characters, least, most, (VALUE, *tapes))


def _literal(text: str, *tapes: str) -> Literal:
    return Literal(dict.fromkeys((VALUE, *tapes), text))


_ACCOUNT: Final = _repeat(_DIGIT, 12, 12, IdKind.ACCOUNT)
_ORGANIZATION: Final = (_literal("o-", IdKind.ORGANIZATION), _repeat(_LOWER, 10, 32, IdKind.ORGANIZATION))
_ROOT: Final = (_literal("/r-"), _repeat(_LOWER, 4, 32), _literal("/"))
_UNIT: Final = (_literal("ou-"), _repeat(_LOWER, 4, 32), _literal("-"), _repeat(_LOWER, 8, 32), _literal("/"))
_VPC: Final = (_literal("vpc-", IdKind.NETWORK), _repeat(_HEX, 1, None, IdKind.NETWORK))
_ENDPOINT: Final = (_literal("vpce-", IdKind.NETWORK), _repeat(_HEX, 1, None, IdKind.NETWORK))

TEXT_FORM: Final[Form] = (_repeat(_PRINTABLE, 0, None),)


def path_form(depth: int) -> Form:
    """Return the form of an organization path with so many organizational units; its organization has a tape too."""
    return (*_ORGANIZATION, *_ROOT, *(_UNIT * depth))


def _arn(partition: str) -> Form:
    return (
        _literal(f"arn:{partition}:"),
        _repeat(_REGION, 1, None),
        _literal(":"),
        _repeat(_REGION, 0, None),
        _literal(":"),
        _ACCOUNT,
        _literal(":"),
        _repeat(_PRINTABLE, 1, None),
    )


def _vpc_arn(partition: str) -> Form:
    region = _repeat(_REGION, 5, None)
    return (_literal(f"arn:{partition}:ec2:"), region, _literal(":"), _ACCOUNT, _literal(":vpc/"), *_VPC)


_IDS_OF_CALLERS: Final = (IdKind.ACCOUNT, IdKind.ORGANIZATION, IdKind.NETWORK, IdKind.OWN_ID)


class Domain(NamedTuple):
    """All that the search knows about the values of one domain.

    values: the only ones, if there are few. forms: of PATTERN values; form_in: the same for one partition.
    example: tried first, so that example requests look plain. excluded: the ids that a value must not hold if
    the policy names them. held: the kinds of ids that a pattern may name although they are at no fixed place.
    """

    selection: Selection = Selection.PATTERN
    naming: Naming = Naming.NOTHING
    values: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()
    form_in: Callable[[str], Form] | None = None
    example: str | None = None
    excluded: tuple[IdKind, ...] = _IDS_OF_CALLERS
    held: tuple[IdKind, ...] = ()

    def forms_in(self, partitions: tuple[str, ...]) -> tuple[Form, ...]:
        """Return the forms of the values in these partitions."""
        return self.forms if self.form_in is None else tuple(map(self.form_in, partitions))


CALLER_TYPES: Final = ("AssumedRole", "User", "FederatedUser", "Account")
"""The values of aws:PrincipalType, the most usual caller first."""

_D, _N, _S = ValueDomain, Naming, Selection
_ACCOUNTS, _ORGANIZATIONS, _NETWORKS = (IdKind.ACCOUNT,), (IdKind.ORGANIZATION,), (IdKind.NETWORK,)
# The organization comes first in a path, so what follows hardly matters to the id that a pattern names.
_UNITS_SEARCHED: Final = 6
_FREE: Final = Domain(forms=(TEXT_FORM,), example="x")
DOMAINS: Final[Mapping[ValueDomain, Domain]] = {
    _D.PRINCIPAL_ARN: Domain(selection=_S.CORRELATED, naming=_N.ARN, held=_ACCOUNTS),
    _D.PRINCIPAL_ACCOUNT: Domain(selection=_S.CORRELATED, naming=_N.ACCOUNT),
    _D.PRINCIPAL_TYPE: Domain(selection=_S.CORRELATED, values=CALLER_TYPES),
    _D.USERID: Domain(selection=_S.CORRELATED, naming=_N.USERID, held=(IdKind.UNIQUE_ID, IdKind.ACCOUNT)),
    _D.USERNAME: Domain(selection=_S.CORRELATED),
    _D.ORGANIZATION_ID: Domain(
        selection=_S.CORRELATED, naming=_N.ORGANIZATION, forms=(_ORGANIZATION,), held=_ORGANIZATIONS
    ),
    _D.ORGANIZATION_PATH: Domain(
        selection=_S.CORRELATED,
        naming=_N.ORGANIZATION_PATH,
        forms=tuple(map(path_form, range(_UNITS_SEARCHED))),
        held=_ORGANIZATIONS,
    ),
    _D.ACCOUNT: Domain(naming=_N.ACCOUNT, forms=((_ACCOUNT,),)),
    _D.VPC: Domain(naming=_N.NETWORK, forms=(_VPC,), example="vpc-ffffffff", held=_NETWORKS),
    _D.ENDPOINT: Domain(naming=_N.NETWORK, forms=(_ENDPOINT,), example="vpce-ffffffff", held=_NETWORKS),
    _D.VPC_ARN: Domain(naming=_N.ARN, form_in=_vpc_arn, held=_ACCOUNTS + _NETWORKS),
    _D.ARN: Domain(naming=_N.ARN, form_in=_arn, held=_ACCOUNTS),
    _D.PROVIDER: Domain(naming=_N.ARN, form_in=_arn, example="x", held=_ACCOUNTS),
    _D.OWN_ID: Domain(naming=_N.OWN_ID, forms=((_repeat(_PRINTABLE, 1, None, IdKind.OWN_ID),),), example="x"),
    _D.PUBLIC_ADDRESS: Domain(selection=_S.ADDRESS),
    _D.ADDRESS: Domain(selection=_S.ADDRESS),
    _D.ADDRESS_IPV4: Domain(selection=_S.ADDRESS),
    _D.BOOL: Domain(selection=_S.LISTED, values=("false", "true")),
    _D.TRUE: Domain(selection=_S.LISTED, values=("true",)),
    _D.FALSE: Domain(selection=_S.LISTED, values=("false",)),
    _D.AGE: Domain(selection=_S.NUMBER),
    _D.NUMBER: Domain(selection=_S.NUMBER),
    _D.TIME: Domain(selection=_S.CORRELATED),
    _D.ISSUE_TIME: Domain(selection=_S.CORRELATED),
    _D.REGION: Domain(forms=((_repeat(_REGION, 5, 20),),), example="us-east-1"),
    _D.OWNER_ACCOUNT: Domain(forms=((_ACCOUNT,),), example="123456789012", excluded=(IdKind.ACCOUNT,)),
    _D.OWNER_ORGANIZATION_ID: Domain(selection=_S.CORRELATED),
    _D.OWNER_ORGANIZATION_PATH: Domain(selection=_S.CORRELATED),
    _D.RESOURCE_TAG: _FREE,
    _D.GLUE_SERVICE: Domain(selection=_S.LISTED, values=("glue.amazonaws.com",)),
    _D.TEXT: _FREE,
    _D.UNKNOWN: Domain(selection=_S.UNKNOWN, forms=(TEXT_FORM,), example="x"),
}
"""Every domain; a test compares it with ValueDomain."""

_ARN_TAPES: Final = ("aws:principalarn", CALLER_ARN)
_ROLE_TAPES: Final = ("aws:principalarn",)
_ACCOUNT_TAPES: Final = (*_ARN_TAPES, "aws:principalaccount", IdKind.ACCOUNT)
_USERID_TAPES: Final = ("aws:userid", IdKind.UNIQUE_ID)


def example_caller(caller_type: str, partition: str, account: str) -> dict[str, str]:
    """Return the plainest caller of a type, on the tapes of caller_forms."""
    arn, session = f"arn:{partition}:iam::{account}", f"arn:{partition}:sts::{account}"
    known = {"aws:principalaccount": account}
    if caller_type == "Account":
        return known | {"aws:principalarn": f"{arn}:root", CALLER_ARN: f"{arn}:root", "aws:userid": account}
    if caller_type == "FederatedUser":
        name = f"{session}:federated-user/x"
        return known | {"aws:principalarn": name, CALLER_ARN: name, "aws:userid": f"{account}:x"}
    if caller_type == "User":
        name = f"{arn}:user/x"
        unique = {"aws:userid": "AIDAZZZZZZZZZZZZZZZZZ", "aws:username": "x"}
        return known | {"aws:principalarn": name, CALLER_ARN: name} | unique
    names = {"aws:principalarn": f"{arn}:role/x", CALLER_ARN: f"{session}:assumed-role/x/x"}
    return known | names | {"aws:userid": "AROAZZZZZZZZZZZZZZZZZ:x"}


def caller_forms(caller_type: str, partition: str) -> tuple[Form, ...]:
    """Return the forms of a caller; one string for each of the tapes that identify the caller.

    CALLER_ARN: the ARN of the caller; aws:principalarn, aws:principalaccount, aws:userid, aws:username: the keys;
    account, unique id: the ids.
    """
    if caller_type == "Account":
        return (_account_root(partition),)
    if caller_type == "FederatedUser":
        return (_federated_user(partition),)
    if caller_type == "User":
        return tuple(_user(partition, path) for path in _paths(*_ARN_TAPES))
    return tuple(_role(partition, path) for path in _paths(*_ROLE_TAPES))


def _text(text: str, *tapes: str) -> Literal:
    return Literal(dict.fromkeys(tapes, text))


def _account_root(partition: str) -> Form:
    account = Repeat(_DIGIT, 12, 12, (*_ACCOUNT_TAPES, "aws:userid"))
    return (_text(f"arn:{partition}:iam::", *_ARN_TAPES), account, _text(":root", *_ARN_TAPES))


def _federated_user(partition: str) -> Form:
    head = _text(f"arn:{partition}:sts::", *_ARN_TAPES)
    joint = Literal({"aws:principalarn": ":federated-user/", CALLER_ARN: ":federated-user/", "aws:userid": ":"})
    account = Repeat(_DIGIT, 12, 12, (*_ACCOUNT_TAPES, "aws:userid"))
    return (head, account, joint, Repeat(_NAME, 1, None, (*_ARN_TAPES, "aws:userid")))


def _paths(*tapes: str) -> tuple[Form, Form]:
    """Return the two forms of a path: none, and one that ends in a slash."""
    return ((), (Repeat(_PATH, 1, None, tapes), _text("/", *tapes)))


def _user(partition: str, path: Form) -> Form:
    head = _text(f"arn:{partition}:iam::", *_ARN_TAPES)
    name = Repeat(_NAME, 1, None, (*_ARN_TAPES, "aws:username"))
    unique = (_text("AIDA", *_USERID_TAPES), Repeat(_CAPITAL, 12, 28, _USERID_TAPES))
    account = Repeat(_DIGIT, 12, 12, _ACCOUNT_TAPES)
    return (head, account, _text(":user/", *_ARN_TAPES), *path, name, *unique)


def _role(partition: str, path: Form) -> Form:
    # aws:PrincipalArn of a role session is the ARN of the role; the session's own ARN has no path.
    head = Literal({"aws:principalarn": f"arn:{partition}:iam::", CALLER_ARN: f"arn:{partition}:sts::"})
    joint = Literal({"aws:principalarn": ":role/", CALLER_ARN: ":assumed-role/"})
    name = Repeat(_NAME, 1, None, _ARN_TAPES)
    unique = (_text("AROA", *_USERID_TAPES), Repeat(_CAPITAL, 12, 28, _USERID_TAPES))
    session = (Literal({"aws:userid": ":", CALLER_ARN: "/"}), Repeat(_NAME, 1, None, ("aws:userid", CALLER_ARN)))
    return (head, Repeat(_DIGIT, 12, 12, _ACCOUNT_TAPES), joint, *path, name, *unique, *session)


def only_id(
    domain: ValueDomain,
    kind: IdKind,
    automaton_on: Callable[[str], Automaton],
    partitions: tuple[str, ...],
    budget: Budget,
) -> str | None:
    """Return the id of a kind that all values of a domain hold which an automaton accepts; None if they differ.

    automaton_on: returns the automaton for a tape. Raises TooComplexError.
    """
    tape, forms = _naming_forms(domain, partitions)
    wanted = automaton_on(tape)
    found: str | None = None
    for form in forms:
        match = shortest_match(form, [wanted, ExclusionAutomaton(kind, frozenset({found or ""}))], budget)
        if match is None:
            continue
        if found is not None or kind not in match:
            return None
        found = match[kind]
        if shortest_match(form, [wanted, ExclusionAutomaton(kind, frozenset({found}))], budget) is not None:
            return None
    return found


def _naming_forms(domain: ValueDomain, partitions: tuple[str, ...]) -> tuple[str, Iterable[Form]]:
    if domain in (ValueDomain.PRINCIPAL_ARN, ValueDomain.USERID):
        forms = (form for each in CALLER_TYPES for partition in partitions for form in caller_forms(each, partition))
        return ("aws:userid" if domain is ValueDomain.USERID else "aws:principalarn"), forms
    return VALUE, DOMAINS[domain].forms_in(partitions)
