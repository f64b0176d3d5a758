"""Candidate values of every key, enough of them to show every way to answer its conditions."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.oracle.enumeration.automata import Automaton, Words, globs
from tests.oracle.enumeration.cells import Budget, Probe, Texts, cells
from tests.oracle.enumeration.conditions import Condition
from tests.oracle.enumeration.keys import ARN, BOOL, STRING, Kind, doubtful_variable, key_info
from tests.oracle.enumeration.named import tokens_of
from tests.oracle.enumeration.people import Candidate, person, principal_probes
from tests.oracle.enumeration.policy import Statement
from tests.oracle.enumeration.shapes import (
    ACCOUNT,
    ENDPOINT,
    ORGANIZATION_ID,
    STORE_USER,
    UNIQUE_ID,
    VPC,
    account_tape,
    federated_tape,
    hexadecimal_tape,
    named_tape,
    number_tape,
    organization_tape,
    own_arn_tape,
    printable_tape,
    quad_tape,
    region_tape,
    root_tape,
    session_id_tape,
    user_id_tape,
    vpc_arn_tape,
)
from tests.oracle.enumeration.tapes import Tape
from tests.oracle.enumeration.text import Context, Template, Variable, partly_resolve
from tests.oracle.enumeration.typed import (
    NOT_PUBLIC,
    address_values,
    moments,
    number_values,
    unknown_values,
)
from tests.oracle.enumeration.world import Setting

PERSON: Final = "person"
ORGANIZATION: Final = "organization"
ENDPOINT_ORGANIZATION: Final = "organization of the endpoint"
TIME: Final = "time"
ANY_ARN: Final = globs(frozenset({(*(("char", char) for char in "arn:"), ("star", ""))}))


def group_of(key: str) -> str:
    """Keys that are tied together form a group; every other key stands alone."""
    kind = key_info(key).kind
    if kind is Kind.PERSON:
        return PERSON
    if kind is Kind.ORGANIZATION:
        return ORGANIZATION
    if key in ("aws:vpceorgid", "aws:vpceorgpaths"):
        return ENDPOINT_ORGANIZATION
    return TIME if kind is Kind.TIME else key


@dataclass
class Universe:
    """The candidates of one setting."""

    statements: tuple[Statement, ...]
    setting: Setting
    budget: Budget
    automata: dict[str, list[Automaton]] = field(default_factory=dict)
    literals: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the conditions by key once."""
        self.base: Context = self.setting.context()
        self.conditions: dict[str, list[Condition]] = {}
        for statement in self.statements:
            for condition in statement.conditions:
                self.conditions.setdefault(condition.key, []).append(condition)

    def fixed(self, key: str) -> bool:
        """Whether a key is the same for all requests of the setting."""
        info = key_info(key)
        if key == "aws:requestedregion":
            return self.setting.region is not None
        if info.kind in (Kind.FIXED, Kind.NEVER):
            return True
        if info.kind is Kind.ENDPOINT:
            return not self.setting.through_endpoint
        if info.kind is Kind.SOURCE_IP:
            return self.setting.through_endpoint
        return info.kind is Kind.TAG_REQUEST and not self._taggable(key)

    def _taggable(self, key: str) -> bool:
        """Tags of the request come with some actions only."""
        tagging = self.setting.tagging
        return tagging == "tag" or (tagging == "untag" and key == "aws:tagkeys")

    def templates(self, condition: Condition) -> list[Template]:
        """The values of a condition, what is fixed filled in."""
        return [partly_resolve(value.template, self.base, self._readable) for value in condition.values]

    def _readable(self, key: str) -> bool:
        """Whether a variable on this key has a sure and fixed value."""
        return self.fixed(key) and not doubtful_variable(key)

    def own_automata(self, key: str) -> list[Automaton]:
        """One automaton a condition: its patterns, and apart from them its short ARNs."""
        found: list[Automaton] = []
        for condition in self.conditions.get(key, []):
            op = condition.operator
            if op.family not in (STRING, ARN, BOOL):
                continue
            sets: tuple[set[tuple[tuple[str, str], ...]], ...] = (set(), set())
            for template in self.templates(condition):
                pattern = tuple(part for part in template if not isinstance(part, Variable))
                if len(pattern) == len(template):
                    tokens, short = tokens_of(pattern, op.family, op.name)
                    sets[short].add(tokens)
            found += [globs(frozenset(patterns)) for patterns in sets if patterns]
        return found

    def probes(self, key: str, view: str) -> tuple[Probe, ...]:
        """Everything that looks at a key, as readers of one text of a tape."""
        readers = [*self.own_automata(key), *self.automata.get(key, ())]
        if self.literals.get(key):
            readers.append(Words(self.literals[key]))
        return tuple((view, reader) for reader in readers)

    def bar(self, identity: str, view: str) -> tuple[Probe, ...]:
        """Nobody outside has an id that is barred."""
        words = self.setting.barred(identity)
        return ((view, Words(words)),) if words else ()

    def build(self, group: str) -> list[Candidate]:
        """The candidates of a group."""
        makers: dict[str, Callable[[], list[Candidate]]] = {
            PERSON: self._people,
            ORGANIZATION: lambda: self._organizations("aws:principalorg"),
            ENDPOINT_ORGANIZATION: lambda: self._organizations("aws:vpceorg"),
            TIME: lambda: moments(self.conditions, self.literals, self.setting.now),
        }
        made = makers[group]() if group in makers else self._single(group)
        self.budget.spend(len(made))
        return made

    def _people(self) -> list[Candidate]:
        """Roles, users, federated users and root users, each as one person."""
        partition = self.setting.partition
        bars = self.bar(ACCOUNT, "account")
        looks = (
            *self.probes("aws:principalarn", "arn"),
            *self.probes("aws:principalaccount", "account"),
            *principal_probes(self.statements),
        )
        ids = self.probes("aws:userid", "userid")
        names = self.probes("aws:username", "name")
        people: list[Candidate] = []
        for kind, id_tape in (("role", session_id_tape()), ("user", user_id_tape())):
            extra = names if kind == "user" else ()
            firsts = self._cells(named_tape(partition, kind), (*looks, *extra), bars)
            seconds = self._cells(id_tape, (*ids, *looks), self.bar(UNIQUE_ID, "unique"))
            self.budget.spend(len(firsts) * len(seconds))
            people += [person(kind, partition, {**one, **two}) for one in firsts for two in seconds]
        for kind, tape in (
            ("federated", federated_tape(partition)),
            ("root", root_tape(partition)),
        ):
            people += [person(kind, partition, one) for one in self._cells(tape, (*looks, *ids), bars)]
        return people

    def _cells(self, tape: Tape, probes: tuple[Probe, ...], bars: tuple[Probe, ...]) -> list[Texts]:
        """Walk a tape with the readers of this universe."""
        return cells(tape, probes, bars, self.budget)

    def _organizations(self, prefix: str) -> list[Candidate]:
        """No organization, or one with exactly one path."""
        looks = (*self.probes(f"{prefix}id", "id"), *self.probes(f"{prefix}paths", "path"))
        found = self._cells(organization_tape(), looks, self.bar(ORGANIZATION_ID, "id"))
        inside: list[Candidate] = [{f"{prefix}id": (one["id"],), f"{prefix}paths": (one["path"],)} for one in found]
        return [{}, *inside]

    def _single(self, key: str) -> list[Candidate]:
        """The candidates of a key that is tied to nothing."""
        info = key_info(key)
        if self.fixed(key):
            return [{key: self.base[key]}] if key in self.base else [{}]
        if info.several or info.kind is Kind.UNKNOWN:
            return [{}, *({key: values} for values in self._sets(key))]
        always = info.kind in (Kind.AGENT, Kind.FLAG_ALWAYS, Kind.FIXED, Kind.ENDPOINT)
        always = always or info.kind is Kind.SOURCE_IP
        absent: list[Candidate] = [] if always else [{}]
        present: list[Candidate] = [{key: (text,)} for text in dict.fromkeys(self._texts(key))]
        return [*absent, *present]

    def _texts(self, key: str) -> Iterable[str]:
        """The values of a key that carries one value."""
        info, looks = key_info(key), self.probes(key, "text")
        mine, literals = self.conditions.get(key, []), self.literals.get(key, set())
        if info.kind in (Kind.FLAG, Kind.FLAG_ALWAYS):
            return ["true", "false"]
        if "ip" in info.families:
            bars = (("text", NOT_PUBLIC),) if info.kind is Kind.SOURCE_IP else ()
            quads = self._plain(quad_tape(), looks, bars) if looks else []
            return address_values(key, mine, literals, quads)
        if info.kind is Kind.NUMBER:
            digits = self._plain(number_tape(), looks, ()) if looks else []
            return number_values(mine, literals, digits)
        if key == "aws:vpceaccount":
            accounts = self.probes(key, "account")
            found = self._cells(account_tape(), accounts, self.bar(ACCOUNT, "account"))
            return [one["account"] for one in found]
        return [text for tape, bars in self._tapes(key) for text in self._plain(tape, looks, bars)]

    def _tapes(self, key: str) -> Iterable[tuple[Tape, tuple[Probe, ...]]]:
        """The shapes of a key that is a text, and what nobody outside has."""
        kind, partition = key_info(key).kind, self.setting.partition
        on_account = self.bar(ACCOUNT, "account")
        table: dict[str, tuple[Tape, tuple[Probe, ...]]] = {
            "aws:sourcevpc": (hexadecimal_tape("vpc-"), self.bar(VPC, "text")),
            "aws:ec2instancesourcevpc": (hexadecimal_tape("vpc-"), self.bar(VPC, "text")),
            "aws:sourcevpce": (hexadecimal_tape("vpce-"), self.bar(ENDPOINT, "text")),
            "aws:sourcevpcarn": (vpc_arn_tape(partition), (*on_account, *self.bar(VPC, "vpc"))),
            "aws:requestedregion": (region_tape(), ()),
            "identitystore:userid": (printable_tape(), self.bar(STORE_USER, "text")),
        }
        if kind is Kind.OWN_ARN:
            return [(own_arn_tape(partition), on_account)]
        if kind is Kind.PROVIDER:
            free = (printable_tape(), (("text", ANY_ARN),))
            return [free, (own_arn_tape(partition), on_account)]
        return [table.get(key, (printable_tape(), ()))]

    def _plain(self, tape: Tape, looks: tuple[Probe, ...], bars: tuple[Probe, ...]) -> list[str]:
        """The one text of each cell."""
        return [one["text"] for one in self._cells(tape, looks, bars)]

    def _sets(self, key: str) -> Iterable[tuple[str, ...]]:
        """Sets of values: one value for each set operator is enough to answer all of them."""
        conditions = self.conditions.get(key, [])
        plain = self._plain(printable_tape(), self.probes(key, "text"), ())
        texts = unknown_values(conditions, self.literals.get(key, set()), plain)
        operators = sum(bool(condition.operator.prefix) for condition in conditions)
        unknown = key_info(key).kind is Kind.UNKNOWN
        most = max(2 if unknown and len(conditions) > operators else 1, operators)
        for size in range(1, min(most, len(texts)) + 1):
            for values in itertools.combinations(texts, size):
                self.budget.spend()
                yield values
