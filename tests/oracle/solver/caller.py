"""The caller as variables of the solver, with the shapes that AWS gives an identity."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.oracle.solver import logic
from tests.oracle.solver.logic import TRUE, Bool, Int
from tests.oracle.solver.pieces import Alternative, Doubts, Identity, Items, Piece, TextPiece, items
from tests.oracle.solver.shapes import (
    ACCOUNT_SHAPE,
    DASHED,
    DIGITS,
    ENDPOINT_SHAPE,
    NAME,
    NAME_SHAPE,
    ORGANIZATION_SHAPE,
    PARTITION_SHAPE,
    PATH,
    PATH_SHAPE,
    PRINTABLE,
    ROLE_ID_SHAPE,
    UNIQUE_ID_SHAPE,
    UNITS,
    UNITS_SHAPE,
    UPPER,
    USER_ID_SHAPE,
    VPC_SHAPE,
    Alphabet,
    Shape,
    partition_of,
    some,
)

T = TypeVar("T")
ROOT, USER, ROLE, FEDERATED = range(4)


@dataclass(frozen=True, slots=True)
class Rules:
    """What distinguishes a stranger from an outsider, and what is known of the repository."""

    owner: str | None
    region: str | None
    now: int
    trusts_networks: bool
    shares_organizations: bool = False
    forbidden: dict[Identity, frozenset[str]] = field(default_factory=dict)


class Caller:
    """Makes every variable once, with its facts; nothing that a policy does not ask about is made."""

    def __init__(self, rules: Rules, only_kind: int | None = None, *, blank: bool = False, loose: bool = False) -> None:
        """Begin without any variable."""
        self.rules = rules
        self.only_kind = only_kind
        self.blank = blank
        self.asked_kind = False
        self.facts: list[Bool] = []
        self.pieces: list[TextPiece] = []
        self.unequal: list[tuple[TextPiece, TextPiece, Bool]] = []
        self.doubts = Doubts(loose=loose)
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
        shape: Shape,
        shortest: int = 0,
        longest: int | None = None,
        *,
        closing: str | None = None,
        identity: Identity | None = None,
    ) -> TextPiece:
        """A text of a shape; an identifying part is none of those that are forbidden."""
        forbidden = self.rules.forbidden.get(identity, frozenset()) if identity is not None else frozenset()
        piece = TextPiece(name, letters, shape, shortest, longest, closing, identity, forbidden)
        self.pieces.append(piece)
        return piece

    def as_variable(self, value: Items) -> Items:
        """A text put into a pattern; a blank caller leaves free ones empty, which is a quick first guess."""
        free = len(value) == 1 and isinstance(value[0], TextPiece) and value[0].letters is PRINTABLE
        if not free or not self.blank or isinstance(value[0], str):
            return value
        self.doubts.cuts.append(value[0].text == logic.text(""))
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
    def partition(self) -> str | TextPiece:
        """The repository's partition; any when the region is not known."""
        if self.rules.region is not None:
            return partition_of(self.rules.region)
        return self.new_text("partition", DASHED, PARTITION_SHAPE, 3, 10)

    def own_account(self, name: str) -> TextPiece:
        """An account of the caller's own: not the repository's, and none that is forbidden."""
        return self.once(f"{name} account", lambda: self._new_account(name))

    def _new_account(self, name: str) -> TextPiece:
        piece = self.new_text(f"{name} account", DIGITS, ACCOUNT_SHAPE, 12, 12, identity=Identity.ACCOUNT)
        owner = self.resource_account
        if not isinstance(owner, str):  # a known owner is forbidden by the rules
            self.unequal.append((piece, owner, TRUE))
        return piece

    @property
    def account(self) -> TextPiece:
        """The account of the caller."""
        return self.own_account("caller")

    @functools.cached_property
    def resource_account(self) -> str | TextPiece:
        """The repository's account; when it is not known, any that is not named."""
        if self.rules.owner is not None:
            return self.rules.owner
        return self.new_text("resource account", DIGITS, ACCOUNT_SHAPE, 12, 12, identity=Identity.ACCOUNT)

    def own_organization(self, name: str) -> TextPiece:
        """An organization of the caller's own: not the repository's, and none that is forbidden."""
        return self.once(f"{name} organization", lambda: self._new_organization(name))

    def _new_organization(self, name: str) -> TextPiece:
        piece = self.new_text(
            f"{name} organization", DASHED, ORGANIZATION_SHAPE, 12, 34, identity=Identity.ORGANIZATION
        )
        if not self.rules.shares_organizations:
            self.unequal.append((piece, self.resource_org, self.resource_in_organization))
        return piece

    @functools.cached_property
    def resource_org(self) -> TextPiece:
        """The organization of the repository's account, should it be in one."""
        return self.new_text("resource organization", DASHED, ORGANIZATION_SHAPE, 12, 34)

    @functools.cached_property
    def resource_in_organization(self) -> Bool:
        """Whether the repository's account is in an organization."""
        return logic.bool_var("resource in organization")

    def units(self, name: str) -> TextPiece:
        """Root and organizational units of a path; others may have the same ids."""
        return self.once(
            f"{name} units", lambda: self.new_text(f"{name} units", UNITS, UNITS_SHAPE, 7, None, closing="/")
        )

    @functools.cached_property
    def via_endpoint(self) -> Bool:
        """Whether the call comes through a VPC endpoint of the caller's own."""
        return logic.bool_var("through VPC endpoint")

    @functools.cached_property
    def path(self) -> TextPiece:
        """The path of a user or role; empty or ending in a slash."""
        return self.new_text("path", PATH, PATH_SHAPE, 0, None, closing="/")

    @functools.cached_property
    def name(self) -> TextPiece:
        """The name of a user, role or federated user."""
        return self.new_text("name", NAME, NAME_SHAPE, 1)

    @functools.cached_property
    def session(self) -> TextPiece:
        """The name of a role session."""
        return self.new_text("session", NAME, NAME_SHAPE, 1)

    @functools.cached_property
    def unique_id(self) -> TextPiece:
        """The unique id of a user (AIDA…) or role (AROA…)."""
        shape = {USER: USER_ID_SHAPE, ROLE: ROLE_ID_SHAPE}.get(self.only_kind or ROOT, UNIQUE_ID_SHAPE)
        return self.new_text("unique id", UPPER, shape, 16, 32, identity=Identity.UNIQUE)

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
        """aws:userid, whose form depends on the kind of caller."""
        return self._of_kinds(
            {
                ROOT: lambda: (self.account,),
                USER: lambda: (self.unique_id,),
                ROLE: lambda: (self.unique_id, ":", self.session),
                FEDERATED: lambda: (self.account, ":", self.name),
            }
        )

    def _of_kinds(self, forms: dict[int, Callable[[], tuple[str | Piece, ...]]]) -> tuple[Alternative, ...]:
        """The form for each kind of caller that this one can be."""
        guards = {kind: self.is_kind(kind) for kind in forms}
        return tuple(
            Alternative(guards[kind], items(*form()))
            for kind, form in forms.items()
            if not logic.is_false(guards[kind])
        )

    def free_text(self, name: str, letters: Alphabet = PRINTABLE, shortest: int = 0) -> TextPiece:
        """A text of the caller's choice."""
        return self.once(name, lambda: self.new_text(name, letters, some(letters, shortest), shortest))

    def own_id(self, name: str, identity: Identity) -> TextPiece:
        """An id of the caller's own VPC, endpoint or identity store."""
        return self.once(name, lambda: self._new_id(name, identity))

    def _new_id(self, name: str, identity: Identity) -> TextPiece:
        if identity is Identity.STORE:
            return self.new_text(name, PRINTABLE, some(PRINTABLE, 1), 1, identity=identity)
        shape = VPC_SHAPE if identity is Identity.VPC else ENDPOINT_SHAPE
        return self.new_text(name, DASHED, shape, 5, identity=identity)
