"""One consistent request context that meets all constraints.

Some keys are correlated: they are facts about one owner, one caller, one organization, one network path or one
point in time. Their values are found together; every other key is independent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, assert_never

from ecr_exposure.identifiers import partitions_of_region
from ecr_exposure.policy.condition_keys import KEYS, ConditionKey, Presence, ValueDomain, condition_key
from ecr_exposure.policy.operators import Comparison
from ecr_exposure.policy.patterns import LITERAL
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.candidates import excluded_ids, pick_strings, pick_times, pick_value
from ecr_exposure.search.constraints import Constraint
from ecr_exposure.search.strings import Automaton, Budget, ExclusionAutomaton
from ecr_exposure.search.value_domains import (
    CALLER_ARN,
    CALLER_TYPES,
    VALUE,
    IdKind,
    caller_forms,
    example_caller,
    path_form,
)

Values = dict[str, str | tuple[str, ...]]
ByKey = Mapping[str, Sequence[Constraint]]
"""Constraints by the name of their key."""


class Correlation(Enum):
    """The groups of correlated keys."""

    OWNER = "the owner of the repository"
    IDENTITY = "the caller"
    ORGANIZATION = "the organization of the caller"
    NETWORK_PATH = "the way from the caller to ECR"
    TIME = "the time of the call"


_OWNER: Final = ("aws:resourceaccount", "aws:requestedregion", "aws:resourceorgid", "aws:resourceorgpaths")
_IDENTITY: Final = (
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    CALLER_ARN,
)
_TIME: Final = ("aws:currenttime", "aws:epochtime", "aws:tokenissuetime")
_GROUPS: Final = {
    Correlation.OWNER: _OWNER,
    Correlation.IDENTITY: _IDENTITY,
    Correlation.ORGANIZATION: ("aws:principalorgid", "aws:principalorgpaths"),
    Correlation.TIME: _TIME,
}
"""The keys of each group; those of the network path have the presences below."""
_GROUPED: Final = frozenset(name for names in _GROUPS.values() for name in names)
_NETWORK_PATH: Final = (Presence.DIRECT, Presence.ENDPOINT, Presence.ENDPOINT_ORGANIZATION)
_ALWAYS: Final = tuple(name for name, key in KEYS.items() if key.presence is Presence.ALWAYS and name not in _GROUPED)
"""The independent keys that every request context has."""
_DEPENDS_ON_OWNER: Final = (Correlation.IDENTITY, Correlation.ORGANIZATION, Correlation.NETWORK_PATH)

TAGGING: Final = {
    Presence.TAGS: ("ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource"),
    Presence.TAG_KEYS: ("ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource", "ecr:UntagResource"),
}
"""The actions whose requests pass tags:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""


def by_key(constraints: Iterable[Constraint]) -> dict[str, list[Constraint]]:
    """Return the constraints by the name of their key."""
    grouped: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        grouped.setdefault(constraint.key.name, []).append(constraint)
    return grouped


def _groups(constraints: ByKey) -> list[tuple[Correlation | str, Iterable[str]]]:
    """Return the names of the keys whose values are found together, and the independent ones each by itself."""
    path = [name for name, each in constraints.items() if each[0].key.presence in _NETWORK_PATH]
    independent = [name for name in constraints if name not in _GROUPED and name not in path]
    by_itself = dict.fromkeys((*independent, *_ALWAYS))
    return [*_GROUPS.items(), (Correlation.NETWORK_PATH, path), *((name, (name,)) for name in by_itself)]


class RequestContexts:
    """Finds request contexts for one policy; the values found for a group of keys are reused."""

    def __init__(self, callers: CallerModel, budget: Budget) -> None:
        """Start with nothing found."""
        self.callers = callers
        self.budget = budget
        self._found: dict[object, Values | None] = {}

    def find(self, constraints: ByKey, action: str) -> Values | None:
        """Return the context of a request for the action that meets all constraints; None if there is none.

        constraints: none of them has variables. The context also holds CALLER_ARN.
        Raises TooComplexError.
        """
        groups = _groups(constraints)
        each = [constraint for same in constraints.values() for constraint in same]
        self.budget.spend(len(groups) + 2 * len(each) + sum(len(constraint.texts) for constraint in each) // 4)
        values: Values = {name: tag for name, tag in (self.callers.tags or {}).items() if tag is not None}
        for group, names in groups:
            relevant = {name: tuple(constraints[name]) for name in names if name in constraints}
            found = self._values_of(group, relevant, action, values)
            if found is None:
                return None
            values |= found
        return values

    def _values_of(self, group: Correlation | str, relevant: ByKey, action: str, values: Values) -> Values | None:
        owner: tuple[object, ...] = ()
        if group in _DEPENDS_ON_OWNER:
            owner = (values.get("aws:resourceaccount"), values.get("aws:resourceorgid"))
        tagging = tuple(action in actions for actions in TAGGING.values()) if relevant else ()
        question = (group, *relevant.items(), owner, tagging)
        if question not in self._found:
            solver = _GroupSolver(relevant, action, self.callers, self.budget, values)
            self._found[question] = solver.solve(group)
        return self._found[question]


class _GroupSolver:
    """Finds the values of one group of keys; known: the values that were found before, of the owner."""

    def __init__(self, constraints: ByKey, action: str, callers: CallerModel, budget: Budget, known: Values) -> None:
        self._constraints = constraints
        self._action = action
        self._callers = callers
        self._budget = budget
        self._known = known

    def solve(self, group: Correlation | str) -> Values | None:
        """Return the values of a group, or of the key of that name; None if nothing meets the constraints."""
        if isinstance(group, str):
            return self._independent(group)
        match group:
            case Correlation.OWNER:
                return self._owner()
            case Correlation.IDENTITY:
                return self._identity()
            case Correlation.ORGANIZATION:
                return self._organization("aws:principalorgid", "aws:principalorgpaths", of_caller=True)
            case Correlation.NETWORK_PATH:
                return self._network_path()
            case Correlation.TIME:
                return self._time()
            case _:
                assert_never(group)

    def _of(self, name: str) -> Sequence[Constraint]:
        return self._constraints.get(name, ())

    def _may_be_absent(self, name: str) -> bool:
        return all(constraint.may_be_absent for constraint in self._of(name))

    def _may_be_present(self, name: str) -> bool:
        return all(constraint.may_be_present for constraint in self._of(name))

    def _accepts(self, name: str, value: str) -> bool:
        return all(constraint.may_be_present and constraint.accepts(value) for constraint in self._of(name))

    def _value(self, key: ConditionKey) -> str | None:
        """Return a value of a key that is present; None if there is none."""
        if not self._may_be_present(key.name):
            return None
        return pick_value(key, self._of(key.name), self._callers, self._budget)

    def _owner(self) -> Values | None:
        found: Values = {}
        for name in ("aws:resourceaccount", "aws:requestedregion"):
            key = KEYS[name]
            value = self._callers.constant(key)
            if value is not None and not self._accepts(name, value):
                return None
            if value is None:
                value = self._value(key)
            if value is None:
                return None
            found[name] = value
        if not self._constraints.keys() & {"aws:resourceorgid", "aws:resourceorgpaths"}:
            return found
        organization = self._organization("aws:resourceorgid", "aws:resourceorgpaths", of_caller=False)
        return None if organization is None else found | organization

    def _identity(self) -> Values | None:
        for caller_type in CALLER_TYPES:
            if not self._accepts("aws:principaltype", caller_type):
                continue
            has_name = caller_type == "User"
            if not (self._may_be_present if has_name else self._may_be_absent)("aws:username"):
                continue
            if not all(map(self._may_be_present, ("aws:principalarn", "aws:principalaccount", "aws:userid"))):
                continue
            found = self._example_caller(caller_type) or self._constructed_caller(caller_type)
            if found is not None:
                return {**{k: v for k, v in found.items() if k in _IDENTITY}, "aws:principaltype": caller_type}
        return None

    def _example_caller(self, caller_type: str) -> dict[str, str] | None:
        """Return the plainest caller, if it meets the constraints."""
        account = self._callers.account
        if account == self._known.get("aws:resourceaccount"):
            return None
        example = example_caller(caller_type, partitions_of_region(self._callers.region)[0], account)
        fits = all(
            constraint.accepts(example[name])
            for name in self._constraints
            if name in example
            for constraint in self._of(name)
        )
        return example if fits else None

    def _constructed_caller(self, caller_type: str) -> dict[str, str] | None:
        missing = ("aws:principaltype", *(() if caller_type == "User" else ("aws:username",)))
        constraints = [(each, name) for name in _IDENTITY if name not in missing for each in self._of(name)]
        others = [
            *excluded_ids(self._callers, (IdKind.ACCOUNT, IdKind.UNIQUE_ID)),
            *self._owner_exclusion(IdKind.ACCOUNT, "aws:resourceaccount"),
        ]
        forms = (
            form
            for partition in partitions_of_region(self._callers.region)
            for form in caller_forms(caller_type, partition)
        )
        return pick_strings(list(forms), constraints, others, self._budget)

    def _owner_exclusion(self, kind: IdKind, name: str) -> Iterator[Automaton]:
        """Yield what excludes the owner's id from the ids of a caller."""
        owner = self._known.get(name)
        if isinstance(owner, str):
            yield ExclusionAutomaton(kind, frozenset({owner}))

    def _organization(self, id_name: str, paths_name: str, *, of_caller: bool) -> Values | None:
        """Return an organization: none, or an id and one path in it."""
        if self._may_be_absent(id_name) and self._may_be_absent(paths_name):
            return {}
        if not (self._may_be_present(id_name) and self._may_be_present(paths_name)):
            return None
        constraints = [(each, IdKind.ORGANIZATION) for each in self._of(id_name)]
        paths = [(each, VALUE) for each in self._of(paths_name)]
        others: list[Automaton] = []
        if of_caller:
            others += excluded_ids(self._callers, (IdKind.ORGANIZATION,))
            others += self._owner_exclusion(IdKind.ORGANIZATION, "aws:resourceorgid")
        for depth in _depths([constraint for constraint, _ in paths]):
            found = pick_strings([path_form(depth)], [*constraints, *paths], others, self._budget)
            if found is not None:
                return {id_name: found[IdKind.ORGANIZATION], paths_name: (found[VALUE],)}
        return None

    def _network_path(self) -> Values | None:
        """Return the keys of a direct call, or of one through a VPC endpoint."""
        keys = [constraints[0].key for constraints in self._constraints.values()]
        endpoint = [key for key in keys if key.presence in _NETWORK_PATH and key.presence is not Presence.DIRECT]
        if all(self._may_be_absent(key.name) for key in endpoint):
            address = self._value(_SOURCE_IP)
            if address is not None:
                return {_SOURCE_IP.name: address}
        if not self._may_be_absent(_SOURCE_IP.name):
            return None
        organization = self._organization("aws:vpceorgid", "aws:vpceorgpaths", of_caller=self._callers.is_public)
        if organization is None:
            return None
        found: Values = {}
        for key in dict.fromkeys((*_ENDPOINT_KEYS, *endpoint)):
            if key.presence is Presence.ENDPOINT:
                value = self._value(key)
                if value is None:
                    return None
                found[key.name] = value
        return found | organization

    def _time(self) -> Values | None:
        current, epoch, token = map(self._of, _TIME)
        if not all(map(self._may_be_present, _TIME[:2])):
            return None
        # Without aws:TokenIssueTime first, then with it.
        variants: list[Sequence[Constraint] | None] = [None] if self._may_be_absent(_TIME[2]) else []
        if self._may_be_present(_TIME[2]):
            variants.append(token)
        for variant in variants:
            found = pick_times(current, epoch, variant, self._callers, self._budget)
            if found is not None:
                return {name: value for name, value in zip(_TIME, found, strict=True) if value is not None}
        return None

    def _independent(self, name: str) -> Values | None:
        key = self._of(name)[0].key if self._of(name) else KEYS[name]
        if self._callers.is_constant(key) and key.domain is ValueDomain.RESOURCE_TAG:
            return self._known_tag(key)
        if not self._can_be_present(key):
            return {} if self._may_be_absent(name) else None
        if name not in _ALWAYS and self._may_be_absent(name):
            return {}
        value = self._one_or_several(key)
        return None if value is None else {name: value}

    def _known_tag(self, key: ConditionKey) -> Values | None:
        value = self._callers.tag(key)
        if value is None:
            return {} if self._may_be_absent(key.name) else None
        if isinstance(value, str):
            return {key.name: value} if self._accepts(key.name, value) else None
        # AWS does not document whether the key means this tag, or which of two.
        return {key.name: value} if len(value) == 1 or self._may_be_present(key.name) else None

    def _can_be_present(self, key: ConditionKey) -> bool:
        if key.presence in TAGGING:
            return self._action in TAGGING[key.presence]
        return key.presence is not Presence.NEVER

    def _one_or_several(self, key: ConditionKey) -> str | tuple[str, ...] | None:
        constraints = self._of(key.name)
        if not self._may_be_present(key.name):
            return None
        unknown = key.domain is ValueDomain.UNKNOWN
        if not key.multivalued and (not unknown or any(constraint.single_valued for constraint in constraints)):
            value = self._value(key)
            if value is not None or not unknown:
                return value
            # Several values under an operator without a set operator: AWS does not document the result.
            return self._several(key, [each for each in constraints if not each.single_valued], least=2)
        return self._several(key, constraints)

    def _several(
        self, key: ConditionKey, constraints: Sequence[Constraint], *, least: int = 1
    ) -> tuple[str, ...] | None:
        """Return values of a key that together meet the constraints; None if there are none."""
        for_all = [constraint for constraint in constraints if not constraint.any_value]
        wanted_each = [[*for_all, each] for each in constraints if each.any_value] or [for_all]
        while len(wanted_each) < least:
            wanted_each.append(for_all)
        values: list[str] = []
        for wanted in wanted_each:
            others = [_other_than(key, value) for value in values] if len(values) < least else []
            value = pick_value(key, [*wanted, *others], self._callers, self._budget)
            if value is None:
                return None
            values.append(value)
        return tuple(dict.fromkeys(values))


_SLASHES: Final = 2
"""The slashes of a path without organizational units."""
_LONGEST_UNIT: Final = 64
"""The letters and digits of the longest organizational unit."""


def _depths(paths: Sequence[Constraint]) -> range:
    """Return how many organizational units a path can have that meets the constraints.

    A pattern can tell apart only paths with at most as many levels as it writes out; a question mark may be a slash.
    Without slashes it may still need levels for its hyphens, two for each unit, and for its length.
    """
    texts = [text for each in paths for text in each.texts]
    written = (sum(map(text.count, ("/", "?", "ou-"))) for text in texts)
    needed = (max(text.count("-") // 2, len(text) // _LONGEST_UNIT) + 1 for text in texts)
    most = max((*written, *needed), default=0)
    wanted = [each for each in paths if not each.negated and each.texts]
    least = max((min(text.count("/") for text in each.texts) for each in wanted), default=0)
    return range(max(0, least - _SLASHES), most + 1)


def _other_than(key: ConditionKey, value: str) -> Constraint:
    return Constraint(key, negated=True, comparison=Comparison.TEXT, texts=(value.translate(LITERAL),))


_SOURCE_IP: Final = KEYS["aws:sourceip"]
_ENDPOINT_KEYS: Final = (KEYS["aws:sourcevpce"], KEYS["aws:sourcevpc"], KEYS["aws:vpcsourceip"])
"""The keys that every request through a VPC endpoint has."""
CALLER: Final = condition_key(CALLER_ARN)._replace(name=CALLER_ARN)
"""The ARN of the caller, which is not a condition key but has constraints too."""
