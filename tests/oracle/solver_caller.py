"""The caller as variables of the solver: who calls, from where and when, in the forms that AWS gives identities."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import TRUE, Bool, Int
from tests.oracle.solver_operators import LAST_MOMENT, NOT_PUBLIC_V4, PUBLIC_V6, Span
from tests.oracle.solver_value_domains import (
    ACCOUNT_DOMAIN,
    DASHED,
    DIGITS,
    ENDPOINT_DOMAIN,
    NAME,
    NAME_DOMAIN,
    NO_ARN_DOMAIN,
    ORGANIZATION_DOMAIN,
    PARTITION_DOMAIN,
    PATH,
    PATH_DOMAIN,
    PRINTABLE,
    ROLE_ID_DOMAIN,
    SPELLED,
    UNIQUE_ID_DOMAIN,
    UNITS,
    UNITS_DOMAIN,
    UPPER,
    USER_ID_DOMAIN,
    VPC_DOMAIN,
    Alphabet,
    ValueDomain,
    partition_of,
    some,
)
from tests.oracle.solver_values import (
    Alternative,
    Encoding,
    Identity,
    Items,
    Piece,
    items,
)

T = TypeVar("T")
ROOT, USER, ROLE, FEDERATED = range(4)


@dataclass(frozen=True, slots=True)
class CallerRules:
    """Who the caller may be under a test, and what is known about the repository.

    `trusts_networks`: trusted networks, and VPC endpoints that the policy names, keep the caller out.
    """

    owner: str | None
    region: str | None
    now: int
    trusts_networks: bool
    excluded_ids: dict[Identity, frozenset[str]] = field(default_factory=dict)
    resource_tags: Mapping[str, str] | None = None


class Caller:
    """Makes the variables that a policy needs, each once, with the facts about it."""

    def __init__(
        self, rules: CallerRules, only_kind: int | None = None, *, blank: bool = False, loose: bool = False
    ) -> None:
        """Start without variables.

        `only_kind`: the one kind of caller that is asked about; `blank`: free texts in policy variables are empty, a
        quick first attempt; `loose`: admit too many requests where the encoding is not exact, instead of too few.
        """
        self.rules = rules
        self.only_kind = only_kind
        self.blank = blank
        self.asked_kind = False
        self.facts: list[Bool] = []
        self.pieces: list[Piece] = []
        self.unequal: list[tuple[Piece, Piece, Bool]] = []
        self.encoding = Encoding(loose=loose)
        self._made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Make a variable the first time it is asked for."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def new_text(
        self,
        name: str,
        letters: Alphabet,
        domain: ValueDomain,
        shortest: int = 0,
        longest: int | None = None,
        *,
        closing: str | None = None,
        identity: Identity | None = None,
    ) -> Piece:
        """A text of a value domain; an id is none of those that the caller cannot have."""
        excluded = self.rules.excluded_ids.get(identity, frozenset()) if identity is not None else frozenset()
        piece = Piece(logic.plain_name(name), letters, domain, shortest, longest, closing, identity, excluded)
        self.pieces.append(piece)
        return piece

    def as_variable(self, value: Items) -> Items:
        """The text of a policy variable; a free one is empty if the caller is blank."""
        free = len(value) == 1 and isinstance(value[0], Piece) and value[0].letters is PRINTABLE
        if not free or not self.blank or isinstance(value[0], str):
            return value
        self.encoding.restrictions.append(value[0].text == logic.text(""))
        return ()

    def is_kind(self, kind: int) -> Bool:
        """Whether the caller is root, a user, a role session or a federated user."""
        self.asked_kind = True
        if self.only_kind is not None:
            return logic.truth(kind == self.only_kind)
        value: Int = logic.int_var("caller kind")
        self.once("kind fact", lambda: self.facts.append(logic.both(value >= ROOT, value <= FEDERATED)))
        return value == kind

    @functools.cached_property
    def partition(self) -> str | Piece:
        """The repository's partition; any partition if the region is unknown."""
        if self.rules.region is not None:
            return partition_of(self.rules.region)
        return self.new_text("partition", DASHED, PARTITION_DOMAIN, 3, 10)

    def own_account(self, name: str) -> Piece:
        """An account that the caller can have: neither the repository's nor an excluded one."""
        return self.once(f"{name} account", lambda: self._new_account(name))

    def _new_account(self, name: str) -> Piece:
        piece = self.new_text(f"{name} account", DIGITS, ACCOUNT_DOMAIN, 12, 12, identity=Identity.ACCOUNT)
        owner = self.resource_account
        if not isinstance(owner, str):  # a known owner is among the excluded ids
            self.unequal.append((piece, owner, TRUE))
        return piece

    def endpoint_account(self, name: str) -> Piece:
        """The account of a VPC endpoint: any account where networks are not trusted, else one of the caller."""
        if self.rules.trusts_networks:
            return self.own_account(name)
        return self.once(f"{name} account", lambda: self.new_text(f"{name} account", DIGITS, ACCOUNT_DOMAIN, 12, 12))

    @property
    def account(self) -> Piece:
        """The account of the caller."""
        return self.own_account("caller")

    @functools.cached_property
    def resource_account(self) -> str | Piece:
        """The repository's account; if unknown, any account that is not excluded."""
        if self.rules.owner is not None:
            return self.rules.owner
        return self.new_text("resource account", DIGITS, ACCOUNT_DOMAIN, 12, 12, identity=Identity.ACCOUNT)

    def organization(self, whose: str) -> Piece:
        """The organization of the caller, or of the VPC endpoint, which can be any where networks are not trusted.

        The caller's is neither the repository's nor an excluded one.
        """
        return self.once(f"{whose} organization", lambda: self._new_organization(whose))

    def _new_organization(self, whose: str) -> Piece:
        own = whose == "caller" or self.rules.trusts_networks
        identity = Identity.ORGANIZATION if own else None
        piece = self.new_text(f"{whose} organization", DASHED, ORGANIZATION_DOMAIN, 12, 34, identity=identity)
        if not own:
            return piece
        self.unequal.append((piece, self.resource_org, self.resource_in_organization))
        return piece

    @functools.cached_property
    def resource_org(self) -> Piece:
        """The organization of the repository's account, if it is in one."""
        return self.new_text("resource organization", DASHED, ORGANIZATION_DOMAIN, 12, 34)

    @functools.cached_property
    def resource_in_organization(self) -> Bool:
        """Whether the repository's account is in an organization."""
        return logic.bool_var("resource in organization")

    def units(self, name: str) -> Piece:
        """Root and organizational units of a path; their ids are unique only inside one organization."""
        return self.once(
            f"{name} units", lambda: self.new_text(f"{name} units", UNITS, UNITS_DOMAIN, 7, None, closing="/")
        )

    @functools.cached_property
    def via_endpoint(self) -> Bool:
        """Whether the request comes through a VPC endpoint of the caller."""
        return logic.bool_var("through VPC endpoint")

    @functools.cached_property
    def path(self) -> Piece:
        """The path of a user or role; empty or ending in a slash."""
        return self.new_text("path", PATH, PATH_DOMAIN, 0, None, closing="/")

    @functools.cached_property
    def name(self) -> Piece:
        """The name of a user, role or federated user."""
        return self.new_text("name", NAME, NAME_DOMAIN, 1)

    @functools.cached_property
    def session(self) -> Piece:
        """The name of a role session."""
        return self.new_text("session", NAME, NAME_DOMAIN, 1)

    @functools.cached_property
    def unique_id(self) -> Piece:
        """The unique id of a user (AIDA…) or role (AROA…)."""
        domain = {USER: USER_ID_DOMAIN, ROLE: ROLE_ID_DOMAIN}.get(self.only_kind or ROOT, UNIQUE_ID_DOMAIN)
        return self.new_text("unique id", UPPER, domain, 16, 32, identity=Identity.UNIQUE)

    @functools.cached_property
    def principal_arn(self) -> tuple[Alternative, ...]:
        """The ARN of the caller; a role session carries its role's."""
        iam = ("arn:", self.partition, ":iam::", self.account)
        sts = ("arn:", self.partition, ":sts::", self.account)
        return self._of_kinds(
            {
                ROOT: lambda: (*iam, ":root"),
                USER: lambda: (*iam, ":user/", self.path, self.name),
                ROLE: lambda: (*iam, ":role/", self.path, self.name),
                FEDERATED: lambda: (*sts, ":federated-user/", self.name),
            }
        )

    @functools.cached_property
    def user_id(self) -> tuple[Alternative, ...]:
        """aws:userid; its form depends on the kind of caller."""
        return self._of_kinds(
            {
                ROOT: lambda: (self.account,),
                USER: lambda: (self.unique_id,),
                ROLE: lambda: (self.unique_id, ":", self.session),
                FEDERATED: lambda: (self.account, ":", self.name),
            }
        )

    def _of_kinds(self, forms: dict[int, Callable[[], tuple[str | Piece, ...]]]) -> tuple[Alternative, ...]:
        """The form for each kind that the caller can be."""
        guards = {kind: self.is_kind(kind) for kind in forms}
        return tuple(
            Alternative(guards[kind], items(*form()))
            for kind, form in forms.items()
            if not logic.is_false(guards[kind])
        )

    def free_text(self, name: str, letters: Alphabet = PRINTABLE, shortest: int = 0) -> Piece:
        """A text that the caller chooses."""
        return self.once(name, lambda: self.new_text(name, letters, some(letters, shortest), shortest))

    def own_id(self, name: str, identity: Identity) -> Piece:
        """An id of a VPC, a VPC endpoint or an identity store user of the caller."""
        return self.once(name, lambda: self._new_id(name, identity))

    def _new_id(self, name: str, identity: Identity) -> Piece:
        if identity is Identity.STORE:
            return self.new_text(name, PRINTABLE, some(PRINTABLE, 1), 1, identity=identity)
        domain = VPC_DOMAIN if identity is Identity.VPC else ENDPOINT_DOMAIN
        return self.new_text(name, DASHED, domain, 5, identity=identity)


_LONGEST_SESSION = 36 * 3600


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 or an IPv6 address; `is_v4` says which of the two numbers counts."""

    is_v4: Bool
    v4: Int
    v6: Int


def within(value: Int, span: Span) -> Bool:
    """Whether a number lies in a span."""
    return logic.both(value >= span[0], value <= span[1])


def moment(caller: Caller) -> Int:
    """The moment of the request: now or later."""
    value = logic.real_var("moment")
    caller.once("moment fact", lambda: caller.facts.append(within(value, (caller.rules.now, LAST_MOMENT))))
    return value


def issued(caller: Caller) -> Int:
    """When the caller's credentials were issued: at most 36 hours before the request."""
    value, call = logic.real_var("token issued"), moment(caller)
    bounds = logic.both(value <= call, value >= call - _LONGEST_SESSION)
    caller.once("token fact", lambda: caller.facts.append(bounds))
    return value


def address(caller: Caller, name: str, *, public: bool, with_v6: bool = True) -> Address:
    """An address that the caller chooses: with `public` a public one, without `with_v6` an IPv4 one."""

    def make() -> Address:
        is_v4 = logic.bool_var(f"{name} is IPv4") if with_v6 else TRUE
        v4, v6 = logic.int_var(f"{name} v4"), logic.int_var(f"{name} v6")
        caller.facts += [v4 >= 0, v4 < 1 << 32, v6 >= 0, v6 < 1 << 128]
        if public:
            caller.facts += [logic.no(within(v4, span)) for span in NOT_PUBLIC_V4]
            caller.facts.append(within(v6, PUBLIC_V6))
        return Address(is_v4, v4, v6)

    return caller.once(f"{name} address", make)


def spelled(caller: Caller, name: str, example: str, is_example: Bool) -> tuple[Alternative, ...]:
    """An address, a moment or a number as the text of a policy variable: an example, or any such text if loose."""

    def make() -> Items:
        if caller.encoding.loose:
            caller.encoding.guess()
            return items(caller.free_text(f"{name} as text", SPELLED, 1))
        caller.encoding.restrictions.append(is_example)
        return items(example)

    return (Alternative(TRUE, caller.once(f"{name} items", make)),)


def own_arn(caller: Caller, name: str) -> Items:
    """The ARN of a resource in an account of the caller."""
    service, region = caller.free_text(f"{name} service", DASHED, 1), caller.free_text(f"{name} region", DASHED)
    rest = caller.free_text(f"{name} rest", PRINTABLE, 1)
    return items("arn:", caller.partition, ":", service, ":", region, ":", caller.own_account(name), ":", rest)


def provider(caller: Caller) -> tuple[Alternative, ...]:
    """aws:FederatedProvider: the ARN of a provider in an account of the caller, or another text."""
    is_arn = logic.bool_var("provider is an ARN")
    path = caller.free_text("provider path", PRINTABLE, 1)
    other = caller.once("provider text", lambda: caller.new_text("provider text", PRINTABLE, NO_ARN_DOMAIN))
    arn = items("arn:", caller.partition, ":iam::", caller.own_account("provider"), ":", path)
    return Alternative(is_arn, arn), Alternative(logic.no(is_arn), items(other))


def region_items(caller: Caller) -> Items:
    """The repository's region; any region if unknown."""
    return items(caller.rules.region or caller.free_text("region", DASHED, 1))
