"""The reason of a grant: which statement grants access to whom, why no condition prevents it, and why no Deny does."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from ecr_exposure.findings.explanations import (
    Evaluation,
    Explanation,
    explain,
    listed,
    tag_name_of,
    tag_of,
    tells_callers_apart,
    undocumented,
    unimportance,
    why_free,
)
from ecr_exposure.findings.sentences import (
    SHORT_SID,
    Part,
    Rank,
    Sentence,
    enumerated,
    name_of,
    named_principal,
    shown_action,
    shown_key,
    unquoted,
    written_principal,
)
from ecr_exposure.policy.actions import CAPABILITY_OF, covered_actions
from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.evaluator import Request, covers, identifiable, matches_principal
from ecr_exposure.policy.json_values import describe
from ecr_exposure.policy.operators import Relation, ValueType
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.policy.principals import Principal, PrincipalKind
from ecr_exposure.search import Opening


class RecipientKind(IntEnum):
    """What brings the callers into an Allow: ``*``, a NotPrincipal or names, or only a value with a wildcard."""

    EVERYONE = 0
    NAMED = 1
    WILDCARD = 2


class Recipients(NamedTuple):
    """To whom an Allow grants access: the kind, and how a sentence says it, shortly and in full."""

    kind: RecipientKind
    short: str
    text: str


def recipients_of(statement: Statement, outside: Sequence[Principal] = ()) -> Recipients:
    """Return to whom an Allow grants access; outside: its principals that are outside the zone of trust."""
    principals = statement.principals
    if statement.not_principal:
        return Recipients(RecipientKind.NAMED, "everyone except its NotPrincipal", _all_but(statement))
    if principals.everyone:
        return Recipients(RecipientKind.EVERYONE, "*", "*")
    wildcards = list(map(written_principal, principals.wildcards))
    named = list(map(named_principal, outside))
    short = enumerated([*wildcards, *(f"account {each.account}" for each in outside)], 1)
    text = enumerated([*(f"{each} (counts as everyone)" for each in wildcards), *named], 2)
    return Recipients(RecipientKind.NAMED if outside else RecipientKind.WILDCARD, short, text)


def _all_but(statement: Statement) -> str:
    principals = statement.principals
    if principals.named:
        return f"everyone except {enumerated(list(map(named_principal, principals.named)), 1)}"
    ineffective = [written_principal(each) for each in (*principals.wildcards, *principals.malformed)]
    return f"everyone (its NotPrincipal {enumerated(ineffective, 1)} excludes nobody)" if ineffective else "everyone"


# The sentence.


def reason_without_condition(statement: Statement, granted: Sequence[str], recipients: Recipients) -> Sentence:
    """Return why an Allow without a Condition grants actions, the most dangerous first."""
    actions = _actions(statement, granted)
    return (
        _name(statement),
        Part(" allows "),
        Part(actions[0][1], actions[1:]),
        Part(f" to {recipients.short}", ((Rank.RECIPIENTS, f" to {recipients.text}"),)),
        Part(" with no Condition"),
    )


def reason_of(opening: Opening, recipients: Recipients, document: Document, *, knows_tags: bool) -> Sentence:
    """Return why an Allow grants access to callers such as the witness, and why no Deny prevents it."""
    statement, granted, witness = opening
    evaluation = Evaluation(witness.context, document.variables, knows_tags)
    deny = _about_denies(document, witness, evaluation)
    if not statement.conditions:
        return (*reason_without_condition(statement, granted, recipients), *deny)
    telling = min(statement.conditions, key=lambda condition: unimportance(condition, evaluation))
    cause = explain(telling, evaluation)
    actions = _actions(statement, granted)
    allowed = [(rank, f"; it allows {text} to {recipients.short}") for rank, text in actions]
    allowed.append((Rank.SID, f"; it allows {actions[-1][1]} to {recipients.text}"))
    return (
        Part("in "),
        _name(statement),
        Part("", ((Rank.CAUSE, f", {cause.text}"), (Rank.DETAIL, f", {cause.text}{cause.detail}"))),
        Part("", tuple(allowed)),
        *deny,
    )


def _name(statement: Statement) -> Part:
    if not statement.sid:
        return Part(name_of(statement))
    names = [(Rank.SHORT_SID, name_of(statement, SHORT_SID))]
    if len(statement.sid) > SHORT_SID:
        names.append((Rank.SID, name_of(statement)))
    return Part(f"Statement[{statement.position}]", tuple(names))


# Which actions.

_EVERY_ACTION: Final = ("*", "ecr:*")
_MOST_ACTIONS: Final = 2


def _actions(statement: Statement, granted: Sequence[str]) -> tuple[tuple[Rank, str], ...]:
    """Return texts that name the actions as the statement writes them, longer ones last."""
    if statement.not_action:
        excluded = [unquoted(each) for each in statement.actions if _is_of_ecr(each)]
        return _lengthening(excluded, start="all actions except ") if excluded else ((Rank.ACTION, "all actions"),)
    patterns = _patterns_of(statement, granted) or list(dict.fromkeys(statement.actions))
    if not patterns:
        return ((Rank.ACTION, "no action"),)
    others = list(map(unquoted, patterns[1:]))
    first = (Rank.ACTION, enumerated([unquoted(patterns[0]), *others], 1))
    detailed = [_detailed(patterns[0], granted), *others]
    return (first, (Rank.DETAIL, enumerated(detailed, 1)), *_lengthening(detailed)[1:])


def _lengthening(names: Sequence[str], start: str = "") -> tuple[tuple[Rank, str], ...]:
    texts = [f"{start}{enumerated(names, most)}" for most in range(1, min(len(names), _MOST_ACTIONS) + 1)]
    return tuple((Rank.ACTIONS if at else Rank.ACTION, text) for at, text in enumerate(texts))


def _is_of_ecr(pattern: str) -> bool:
    return pattern.lower().startswith("ecr:") or bool(covered_actions([pattern]))


def _patterns_of(statement: Statement, granted: Sequence[str]) -> list[str]:
    """Return the patterns that cover the granted actions, the one of the most dangerous action first."""
    if all(map(statement.actions.__contains__, granted)):
        return list(granted)  # as below, in less time
    covered = {pattern: covered_actions([pattern]) for pattern in statement.actions}
    found: list[str] = []
    named: set[str] = set()
    for action in granted:
        if action not in named:
            pattern = next(each for each, actions in covered.items() if action in actions)
            found.append(pattern)
            named |= covered[pattern]
    return found


def _detailed(pattern: str, granted: Sequence[str]) -> str:
    """Name a pattern, with the most dangerous action that it grants where the pattern does not tell."""
    if not granted:
        return unquoted(pattern)
    if granted[0] not in CAPABILITY_OF:
        return shown_action(pattern)
    if has_wildcard(pattern) and (pattern.lower() not in _EVERY_ACTION or len(granted) < len(CAPABILITY_OF)):
        return f"{unquoted(pattern)} (such as {granted[0]})"
    return unquoted(pattern)


# Why no Deny prevents it: in each explanation, the Deny is the subject of the sentence.


class _Weight(IntEnum):
    """How much a Deny tells about a grant; the first kind tells most."""

    UNDOCUMENTED = 0
    IGNORED = 1
    GUARD = 2  # it was meant to tell callers apart
    OTHER = 3


_MOST_COMPARED: Final = 12


def _about_denies(document: Document, witness: Request, evaluation: Evaluation) -> Sentence:
    """Say why the Deny that tells most does not match the witness; nothing if there is no Deny."""
    denies = [statement for statement in document.statements if not statement.allows]
    if not denies:
        return ()
    # The reason names one: a policy with many Deny statements must not take long for each of its grants.
    denies = sorted(denies, key=lambda deny: not covers(deny, witness.action))[:_MOST_COMPARED]
    found = [(*_about_deny(deny, document, witness, evaluation), deny) for deny in denies]
    # One that covers the action tells more than one that does not.
    _, (text, detail), deny = min(found, key=lambda each: (each[0], not covers(each[2], witness.action)))
    short = name_of(deny, SHORT_SID)
    longer = (
        (Rank.DENY, f", and Statement[{deny.position}] {text}"),
        (Rank.SHORT_SID, f", and {short} {text}"),
        (Rank.DETAIL, f", and {short} {text}{detail}"),
        (Rank.SID, f", and {name_of(deny)} {text}{detail}"),
    )
    return (Part("", longer),)


def _about_deny(
    deny: Statement, document: Document, witness: Request, evaluation: Evaluation
) -> tuple[_Weight, Explanation]:
    if not deny.every_resource:
        return _Weight.UNDOCUMENTED, Explanation(f"may deny nothing: ECR refuses its {deny.resource} element")
    if (ignored := why_ignored(deny, document)) is not None:
        return _Weight.IGNORED, Explanation(ignored)
    is_guard = deny.not_principal or any(map(tells_callers_apart, deny.conditions))
    weight = _Weight.GUARD if is_guard else _Weight.OTHER
    if not covers(deny, witness.action):
        return weight, Explanation("denies other actions")
    if not matches_principal(deny, witness):
        named = enumerated(list(map(named_principal, deny.principals.named)), 1)
        return weight, Explanation(
            f"exempts its NotPrincipal {named}" if deny.not_principal else f"denies only {named}"
        )
    results = [(evaluation.of(condition), condition) for condition in deny.conditions]
    false = [condition for met, condition in results if met is False]
    if not false:
        weight, false = _Weight.UNDOCUMENTED, [condition for met, condition in results if met is None]
    return weight, _explain_deny(min(false, key=lambda each: unimportance(each, evaluation)), evaluation)


def why_ignored(deny: Statement, document: Document) -> str | None:
    """Say why a Deny denies no request to a repository, whatever the request is; None if it denies some."""
    actions = covered_actions(deny.actions, negated=deny.not_action)
    if not any(action in CAPABILITY_OF for action in actions) and not _denies_granted_action(deny, document):
        unknown = enumerated([shown_action(each) for each in sorted(actions)], 1)
        return f"denies only unknown actions: {unknown}" if unknown else "denies no action on repositories"
    principals = deny.principals
    uncertain = [written_principal(each) for each in (*principals.wildcards, *principals.malformed)]
    if deny.not_principal:
        if principals.everyone:
            return "denies nobody: its NotPrincipal is *"
        return f"may deny nobody: its NotPrincipal has {enumerated(uncertain, 1)}" if uncertain else None
    uncertain += [unquoted(each.text) for each in principals.named if each.kind is PrincipalKind.PROVIDER]
    if principals.everyone or identifiable(principals.named):
        return None
    return f"may deny nobody: its Principal is {enumerated(uncertain, 1)}" if uncertain else "denies nobody"


def _denies_granted_action(deny: Statement, document: Document) -> bool:
    allows = [statement for statement in document.statements if statement.allows]
    granted = [covered_actions(allow.actions, negated=allow.not_action) for allow in allows]
    return any(covers(deny, action) for actions in granted for action in actions)


def _explain_deny(condition: Condition, evaluation: Evaluation) -> Explanation:
    """Say why a condition that is not true keeps a Deny from matching."""
    key, operator = shown_key(condition.key), condition.operator
    found = evaluation.context.get(condition.key.name)
    if evaluation.of(condition) is None:
        text, detail = undocumented(condition, key)
        return Explanation(f"may not deny it: {text}", detail)
    if operator.value_type is ValueType.NULL:
        return Explanation(f"denies only requests {'without' if found else 'with'} {key}")
    if condition.key.domain is ValueDomain.RESOURCE_TAG:
        tag = f"the {tag_of(condition, evaluation)}" if found else f"no {tag_name_of(condition)}"
        return Explanation(f"does not deny it{': ' if evaluation.knows_tags else ' if '}the repository has {tag}")
    if found is None:
        detail = f": {operator.spelling} does not match an absent key"
        return Explanation(f"does not deny requests without {key}", detail)
    if operator.negated:
        return _explain_exemption(condition, key, evaluation)
    relation = "" if operator.relation is None else _RELATIONS[operator.relation]
    return Explanation(f"denies only requests with {key} {relation}{listed(condition)}")


def _explain_exemption(condition: Condition, key: str, evaluation: Evaluation) -> Explanation:
    if condition.key.domain is ValueDomain.UNKNOWN:
        return Explanation(f"exempts requests with {key}", ", which any caller may have")
    value, found = evaluation.compared_value(condition), evaluation.context[condition.key.name]
    shown = found if isinstance(found, str) else ", ".join(found)
    if shown != value:
        detail = f", such as {describe(shown)}"
    else:
        free = why_free(condition)
        detail = ", which is not in the zone of trust" if free is None else f", which {free}"
    return Explanation(f"exempts {key} {describe(value)}", detail)


_RELATIONS: Final = {
    Relation.EQUALS: "",
    Relation.LESS_THAN: "below ",
    Relation.LESS_THAN_EQUALS: "up to ",
    Relation.GREATER_THAN: "above ",
    Relation.GREATER_THAN_EQUALS: "from ",
}
