"""How one statement that grants public access is closed: its Principal and its Condition, as a policy writes them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple, assert_never

from ecr_exposure.errors import PolicyError
from ecr_exposure.identifiers import ARN_FIELDS, account_of, arn_fields, resource_of
from ecr_exposure.policy.actions import covered_actions
from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.json_values import describe, elements, texts
from ecr_exposure.policy.patterns import ascii_lower, has_wildcard
from ecr_exposure.policy.principals import Principal, PrincipalKind, Principals, WrittenPrincipal
from ecr_exposure.policy.variables import Reference, references
from ecr_exposure.search import Budget, RepositoryFacts, TooComplexError, external_callers, find_openings

Content = dict[str, Any]
"""A statement as the policy writes it."""


class Limit(NamedTuple):
    """To whom a statement is limited: to the principals of an organization, or of accounts.

    suffix: what a statement that is split off adds to its Sid.
    """

    organization: str | None = None
    accounts: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def principal(self) -> Content:
        """The Principal element of a statement that is limited."""
        return {"AWS": list(self.accounts) or "*"}

    def __str__(self) -> str:
        """Name the organization or the accounts."""
        if self.organization:
            return f"organization {self.organization}"
        return f"account{'s' if len(self.accounts) > 1 else ''} {', '.join(self.accounts)}"


_DIRECTLY: Final = WrittenPrincipal("", "*")
"""``["*"]`` directly under Principal, which can only mean everyone."""


def is_for_everyone(principals: Principals) -> bool:
    """Return whether ``*`` is among the principals, also as a list directly under the element."""
    return principals.everyone or _DIRECTLY in principals.wildcards


def without_public_values(statement: Statement, written: Content) -> list[Content]:
    """Return the statement with its named principals only; none if it has none, or has a NotPrincipal."""
    principals = statement.principals
    public = {*principals.wildcards, *principals.malformed, WrittenPrincipal("AWS", "*")}
    kept = {} if statement.not_principal else _without(public, written["Principal"])
    return [{**written, "Principal": kept}] if kept else []


def without_malformed_values(statement: Statement, written: Content) -> list[Content]:
    """Return the statement without the values that are no principals; none if there is no other value."""
    element = "NotPrincipal" if statement.not_principal else "Principal"
    kept = _without({*statement.principals.malformed}, written[element])
    return [{**written, element: kept}] if kept else []


def limited(statement: Statement, written: Content, limit: Limit) -> list[Content]:
    """Return the statement with a limit on whom its public values grant access.

    Where it is split, these values are in a second statement with the same Sid. Raises PolicyError, with the place
    inside the statement, for a value that cannot be limited.
    """
    if statement.not_principal:
        return [_without_not_principal(statement.principals, written, limit)]
    principal = written["Principal"]
    if not isinstance(principal, Mapping) and principal not in ("*", ["*"]):
        raise PolicyError("Principal", "its values must stand under a type of principal: AWS, Service or Federated")
    patterns = tuple(_patterns(statement.principals))
    if is_for_everyone(statement.principals):
        if limit.accounts:
            return [{**written, "Principal": _with_accounts(principal, limit.accounts)}]
        patterns = ()  # everyone includes them
    named = _without({*statement.principals.wildcards, WrittenPrincipal("AWS", "*")}, principal)
    # A statement whose only principal is everyone keeps it as it is written.
    is_plain = principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    public = _with_condition({**written, "Principal": principal if is_plain else limit.principal}, patterns, limit)
    return [{**written, "Principal": named}, public] if named else [public]


# Principals.


def _without(removed: set[WrittenPrincipal], principal: object) -> Content:
    """Return an element without these values, each type in the form in which it is written."""
    if not isinstance(principal, Mapping):
        return {}  # a value directly under the element names nobody
    found: Content = {}
    for kind, values in principal.items():
        kept = [text for text in texts(values) if WrittenPrincipal(kind, text) not in removed]
        if kept:
            found[kind] = values if isinstance(values, str) else kept
    return found


def _with_accounts(principal: object, accounts: Sequence[str]) -> Content:
    """Return the element with accounts in the place of ``*`` and of the patterns that it includes."""
    if not isinstance(principal, Mapping):
        return {"AWS": list(accounts)}
    aws = texts(principal["AWS"])
    kept = [text for text in aws if not has_wildcard(text)]
    added = [account for account in accounts if not any(_is_account(text, account) for text in kept)]
    before = sum(not has_wildcard(text) for text in aws[: aws.index("*")])
    return {**principal, "AWS": [*kept[:before], *added, *kept[before:]]}


def _is_account(text: str, account: str) -> bool:
    return text == account or (resource_of(text) == "root" and account_of(text) == account)


def _patterns(principals: Principals) -> Iterator[str]:
    """Yield the values with wildcards that a condition on aws:PrincipalArn can replace.

    Raises PolicyError for a value that none can replace.
    """
    for each in principals.wildcards:
        if each == _DIRECTLY:
            continue
        if each.type != "AWS":
            raise _refused(each, f"{describe(each.text)} counts as everyone, and no condition can limit whom it means")
        if len(arn_fields(each.text)) < ARN_FIELDS or not each.text.startswith("arn:") or "${" in each.text:
            raise _refused(each, f"{describe(each.text)} is not an ARN that a condition could compare")
        yield each.text


def _refused(written: WrittenPrincipal, reason: str, element: str = "Principal") -> PolicyError:
    return PolicyError(f"{element}{'.' if written.type else ''}{written.type}", reason)


# NotPrincipal.

_ARN, _ACCOUNT, _ID = "aws:PrincipalArn", "aws:PrincipalAccount", "aws:userid"


def _without_not_principal(principals: Principals, written: Content, limit: Limit) -> Content:
    """Return the statement with a Principal, and with conditions that exclude whom its NotPrincipal excludes."""
    for value in principals.wildcards:
        reason = f"{describe(value.text)} excludes nobody, so it is not clear whom the statement means"
        raise _refused(value, reason, "NotPrincipal")
    replaced = {"Principal" if key == "NotPrincipal" else key: value for key, value in written.items()}
    condition = deepcopy(replaced.get("Condition", {}))
    for key, operator, text in map(_exclusion, principals.named):
        if operator:
            _extend(condition, operator, key, text)
    principal = limit.principal if limit.accounts else "*"
    return _with_condition({**replaced, "Principal": principal, **_present(condition)}, (), limit)


def _exclusion(principal: Principal) -> tuple[str, str, str]:
    """Return the condition that excludes a principal: key, operator and value; no operator if none is needed."""
    text = principal.text
    if "${" in text:  # a condition would read it as a policy variable
        raise _not_excluded(principal)
    match principal.kind:
        case PrincipalKind.ACCOUNT:
            return _ACCOUNT, "StringNotEquals", principal.account
        case PrincipalKind.ARN if ":assumed-role/" not in text:
            return _ARN, "ArnNotEquals", text
        case PrincipalKind.UNIQUE_ID:
            has_session = ":" in text or text.startswith("AIDA")
            return _ID, "StringNotLike", text if has_session else f"{text}:*"
        case PrincipalKind.SERVICE:
            return "", "", ""  # the limit excludes every service that calls as itself
        case PrincipalKind.ARN | PrincipalKind.PROVIDER:
            # aws:PrincipalArn of a session is the ARN of its role, and no key names the provider of a session:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
            raise _not_excluded(principal)
        case _:
            assert_never(principal.kind)


def _not_excluded(principal: Principal) -> PolicyError:
    kind = "Federated" if principal.kind is PrincipalKind.PROVIDER else "AWS"
    return PolicyError(f"NotPrincipal.{kind}", f"no condition excludes {describe(principal.text)} and nobody else")


# Conditions.

_EQUAL: Final = ("StringEquals", "StringLike", "StringEqualsIgnoreCase")
_LIKE: Final = ("ArnLike", "ArnEquals")


def _with_condition(statement: Content, patterns: Sequence[str], limit: Limit) -> Content:
    """Return the statement with further conditions: on the caller's ARN, and on its organization."""
    condition = deepcopy(statement.get("Condition", {}))
    if patterns:
        _add(condition, _LIKE, _ARN, patterns[0] if len(patterns) == 1 else list(patterns))
    if limit.organization:
        _add(condition, _EQUAL, "aws:PrincipalOrgID", limit.organization)
    return {**statement, **_present(condition)}


def _present(condition: Content) -> Content:
    return {"Condition": condition} if condition else {}


def _add(condition: Content, operators: Sequence[str], key: str, value: str | list[str]) -> None:
    """Add a condition under the first operator that does not have the key: the values of one condition are ORed."""
    for operator in operators:
        blocks = _blocks(condition, operator)
        if not any(_key_in(block, key) for _, block in blocks):
            spelling, block = blocks[0] if blocks else (operator, {})
            condition[spelling] = {**block, key: value}
            return
    reason = f"{', '.join(operators)} have {key} already, so no operator is left for a further condition"
    raise PolicyError("Condition", reason)


def _extend(condition: Content, operator: str, key: str, text: str) -> None:
    """Add a value to a negated operator, which a request meets if it matches none of the values."""
    blocks = _blocks(condition, operator)
    spelling, block = blocks[0] if blocks else (operator, {})
    for each, content in blocks:
        if found := _key_in(content, key):
            spelling, block, key = each, content, found
            break
    values = list(elements(block[key])) if key in block else []
    condition[spelling] = {**block, key: [*values, text] if values else text}


def _blocks(condition: Content, operator: str) -> list[tuple[str, Content]]:
    """Return the blocks of an operator, by its spellings: operators are compared without regard to case."""
    return [(each, block) for each, block in condition.items() if ascii_lower(each) == operator.lower()]


def _key_in(block: Content, key: str) -> str | None:
    """Return how a block spells a key, if it has it: keys are compared without regard to case."""
    return next((each for each in block if ascii_lower(each) == key.lower()), None)


# Who is left.

_OF_OWNER: Final = (
    ValueDomain.OWNER_ACCOUNT,
    ValueDomain.OWNER_ORGANIZATION_ID,
    ValueDomain.OWNER_ORGANIZATION_PATH,
)


def may_grant_access(document: Document, facts: RepositoryFacts) -> bool:
    """Return whether the only statement of a document, an Allow, can match any caller at all."""
    allow = document.statements[0]
    if not covered_actions(allow.actions, negated=allow.not_action):
        return True  # registry actions alone, which a repository policy never grants
    conditions = tuple(_without_owner(allow.conditions))
    document = Document((allow._replace(conditions=conditions),), document.variables)
    everybody = external_callers(document, facts._replace(owner=None))
    try:
        return next(find_openings(document, everybody, Budget()), None) is not None
    except TooComplexError:
        return True


def _without_owner(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Yield conditions without what they say about the owner: no caller of the search is in its account."""
    for condition in conditions:
        kept = tuple(text for text in condition.values if not any(map(_is_of_owner, references(text))))
        is_whole = len(kept) == len(condition.values)
        if condition.key.domain not in _OF_OWNER and (is_whole or (kept and condition.operator.negated)):
            yield condition._replace(values=kept)


def _is_of_owner(reference: Reference) -> bool:
    return reference.key.domain in _OF_OWNER
