"""Why a condition does not restrict the callers: of an Allow that matches a request, or of a Deny that does not."""

from typing import Final, NamedTuple, assert_never

from ecr_exposure.findings.sentences import enumerated, shown_key, unquoted
from ecr_exposure.identifiers import ACCOUNT_ID, ARN_FIELDS, account_of, arn_fields
from ecr_exposure.policy.addresses import IPV4, IPV6, range_of
from ecr_exposure.policy.condition_keys import Presence, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.evaluator import Context, evaluate
from ecr_exposure.policy.json_values import describe
from ecr_exposure.policy.operators import Comparison, SetOperator, ValueType
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.policy.variables import VARIABLE, references
from ecr_exposure.search import is_trusted_network

_D, _P = ValueDomain, Presence


class Evaluation(NamedTuple):
    """One request context, and how conditions are evaluated on it.

    variables: whether ``${…}`` is a policy variable. knows_tags: whether the tags of the repository are known.
    """

    context: Context
    variables: bool
    knows_tags: bool = False

    def of(self, condition: Condition) -> bool | None:
        """Evaluate a condition; None where AWS does not document the result."""
        return evaluate(condition, self.context, self.variables)

    def compared_value(self, condition: Condition) -> str:
        """Return the value of the policy that the request matches; the first one if none does."""
        wanted = not condition.operator.negated
        singles = (condition._replace(values=(value,)) for value in condition.values)
        return next((one for one in singles if self.of(one) is wanted), condition).values[0]


class Explanation(NamedTuple):
    """Why a statement does not restrict the callers; detail: what a sentence adds if it has room."""

    text: str
    detail: str = ""


# Which condition was meant to tell callers apart.

_IDENTITY: Final = (_D.ORGANIZATION_ID, _D.ORGANIZATION_PATH, _D.PRINCIPAL_ACCOUNT, _D.PRINCIPAL_ARN, _D.USERID)
_NETWORK: Final = (_D.PUBLIC_ADDRESS, _D.VPC, _D.ENDPOINT, _D.VPC_ARN, _D.ACCOUNT, _D.ARN, _D.OWN_ID)
_EQUAL_FOR_ALL: Final = (_D.TRUE, _D.FALSE, _D.GLUE_SERVICE, _D.TIME, _D.REGION)


def unimportance(condition: Condition, evaluation: Evaluation) -> int:
    """Return 0 for the condition that tells most: an undocumented one, then one that was meant to restrict callers."""
    if evaluation.of(condition) is None:
        return 0
    groups = ((_D.UNKNOWN,), _IDENTITY, _NETWORK)
    found = next((at for at, group in enumerate(groups, start=1) if condition.key.domain in group), len(groups) + 1)
    return found + (condition.key.domain in _EQUAL_FOR_ALL)


def tells_callers_apart(condition: Condition) -> bool:
    """Return whether a condition was meant to tell callers apart."""
    return condition.key.domain in (_D.UNKNOWN, *_IDENTITY, *_NETWORK)


# A condition of an Allow.


def explain(condition: Condition, evaluation: Evaluation) -> Explanation:  # noqa: PLR0911 - one return a case reads as a table
    """Say why a condition that the request meets does not restrict the callers."""
    key, operator = shown_key(condition.key), condition.operator
    if condition.key.name not in evaluation.context:
        return _explain_absence(condition, key, evaluation)
    if operator.value_type is ValueType.NULL:
        return Explanation(f"{key} only has to be present; any value matches")
    if evaluation.of(condition) is None:
        text, detail = undocumented(condition, key)
        return Explanation(text, f"{detail}, so it may match any caller")
    if condition.key.domain is _D.UNKNOWN:
        return Explanation(f"{key} is not a known condition key", ", so any caller may have it")
    if condition.key.domain in _ABOUT_REPOSITORY and not _excludes_callers(condition, evaluation):
        return Explanation(_about_repository(condition, key, evaluation))
    if (free := why_free(condition)) is not None:
        return Explanation(f"{key} {free}")
    if operator.negated:
        return Explanation(f"{operator.spelling} excludes only {key} {listed(condition)}")
    if operator.value_type is ValueType.IP:
        return Explanation(_about_network(condition, key))
    return Explanation(_about_match(condition, key, evaluation))


def _explain_absence(condition: Condition, key: str, evaluation: Evaluation) -> Explanation:
    operator = condition.operator
    detail = _without(condition, evaluation)
    if operator.value_type is ValueType.NULL:
        return Explanation(f"Null matches when {key} is absent", detail)
    if operator.when_absent is None:
        return Explanation(f"AWS does not document whether {operator.spelling} matches when {key} is absent", detail)
    name = operator.set_operator.value or ("IfExists" if operator.if_exists else operator.name)
    return Explanation(f"{name} also matches when {key} is absent", detail)


def _without(condition: Condition, evaluation: Evaluation) -> str:  # noqa: PLR0911 - the same
    """Say which requests do not have a key."""
    if condition.key.domain is _D.RESOURCE_TAG:
        return ", as on this repository" if evaluation.knows_tags else ", as on a repository without this tag"
    match condition.key.presence:
        case _P.ORGANIZATION | _P.ENDPOINT_ORGANIZATION:
            return ", as for any account outside an organization"
        case _P.DIRECT:
            return ", as for any request through a VPC endpoint"
        case _P.ENDPOINT:
            return ", as for any request that uses no VPC endpoint"
        case _P.NEVER:
            return ", as for every request of an IAM principal"
        case _P.USER:
            return ", as for any role session"
        case _P.OWNER_ORGANIZATION:
            return ", as for an owner outside an organization"
        case _P.ALWAYS | _P.OPTIONAL | _P.TAGS | _P.TAG_KEYS:
            return ""
        case _:
            assert_never(condition.key.presence)


def undocumented(condition: Condition, key: str) -> Explanation:
    """Say what AWS does not document about a condition; key: how the sentence names its key."""
    operator = condition.operator
    if not condition.values:
        return Explanation(f"AWS does not document what an empty list of values for {key} matches")
    if condition.key.multivalued and operator.set_operator is SetOperator.NONE:
        text = f"AWS does not document {operator.spelling} without ForAnyValue for {key}"
        return Explanation(text, ", which can have several values")
    if condition.key.domain is _D.RESOURCE_TAG:
        text = f"AWS does not document which tag {key} means"
        return Explanation(text, " if the keys of tags differ only in case")
    if not condition.key.fits(operator.value_type):
        text = f"AWS does not document {operator.spelling} for {key}"
        return Explanation(text, f", which is not {_TYPES[operator.value_type]}")
    return Explanation(f"AWS does not document how {operator.spelling} compares {key} with {listed(condition)}")


_TYPES: Final = {
    ValueType.STRING: "text",
    ValueType.ARN: "an ARN",
    ValueType.BOOL: "true or false",
    ValueType.NUMERIC: "a number",
    ValueType.DATE: "a date",
    ValueType.IP: "an address",
    ValueType.BINARY: "base64 text",
}
_ABOUT_REPOSITORY: Final = (
    _D.REGION,
    _D.OWNER_ACCOUNT,
    _D.OWNER_ORGANIZATION_ID,
    _D.OWNER_ORGANIZATION_PATH,
    _D.RESOURCE_TAG,
)


def _about_repository(condition: Condition, key: str, evaluation: Evaluation) -> str:
    value = evaluation.compared_value(condition)
    if _is_about_caller(value, evaluation):
        return f"{key} is compared with {describe(value)}, which the caller chooses"
    if condition.key.domain is not _D.RESOURCE_TAG:
        return f"{key} is about the repository and does not restrict the caller"
    tag = f"the repository has the {tag_of(condition, evaluation)}"
    return f"{key} does not restrict the caller{', and ' if evaluation.knows_tags else ' if '}{tag}"


def _is_about_caller(value: str, evaluation: Evaluation) -> bool:
    """Return whether a value holds a policy variable about the caller."""
    found = references(value) if evaluation.variables else ()
    return any(reference.key.domain not in _ABOUT_REPOSITORY for reference in found)


def _excludes_callers(condition: Condition, evaluation: Evaluation) -> bool:
    """Return whether a condition excludes callers by a value that they do not share with the repository."""
    return condition.operator.negated and any(_is_about_caller(value, evaluation) for value in condition.values)


def tag_of(condition: Condition, evaluation: Evaluation) -> str:
    """Name the tag of the repository that a condition compares, with its value."""
    found = evaluation.context[condition.key.name]
    return f"{tag_name_of(condition)} {describe(found if isinstance(found, str) else ', '.join(found))}"


def tag_name_of(condition: Condition) -> str:
    """Name the tag of the repository that a condition compares."""
    return f"tag {unquoted(condition.key.spelling.partition('/')[2])}"


_WHY_FREE: Final = {
    _D.TEXT: "can have such a value for callers of any account",
    _D.BOOL: "can have such a value for callers of any account",
    _D.AGE: "can have such a value for callers of any account",
    _D.NUMBER: "can have such a value for callers of any account",
    _D.USERNAME: "can be the name of an IAM user in any account",
    _D.PROVIDER: "can be the identity provider of callers in any account",
    _D.PRINCIPAL_TYPE: "restricts the type of the caller and not its account",
    _D.ISSUE_TIME: "restricts when the caller signed in and not its account",
    _D.ADDRESS: "can be any address: the caller chooses the CIDR range of its VPC",
    _D.ADDRESS_IPV4: "can be any address: the caller chooses the CIDR range of its VPC",
    _D.TIME: "restricts the time of the request and not the caller",
    _D.TRUE: "is true for every caller",
    _D.FALSE: "is false for every caller",
    _D.GLUE_SERVICE: "can be glue.amazonaws.com for callers of any account",
}
"""Why the values of a domain do not tell callers apart."""
_WHY_KEY_IS_FREE: Final = {
    "aws:principaltag": "is a tag that any account can give its principals",
    "aws:requesttag": "is chosen by the caller",
    "aws:tagkeys": "is chosen by the caller",
    "aws:useragent": "is set by the caller",
    "aws:referer": "is set by the caller",
    "aws:sourceidentity": "can be set in any account",
    "aws:assumedroot": "restricts the type of the caller and not its account",
    "aws:multifactorauthpresent": "restricts how the caller signed in and not its account",
    "aws:multifactorauthage": "restricts how the caller signed in and not its account",
    "aws:calledvia": "restricts which service passes the request on and not for whom",
    "aws:calledviafirst": "restricts which service passes the request on and not for whom",
    "aws:calledvialast": "restricts which service passes the request on and not for whom",
    "aws:viaawsservice": "restricts whether a service passes the request on and not for whom",
    "aws:calledviaawsmcp": "restricts which service passes the request on and not for whom",
    "aws:viaawsmcpservice": "restricts whether a service passes the request on and not for whom",
    "ec2:roledelivery": "restricts how the caller got its credentials and not its account",
}
"""The same for keys about which there is more to say; tags without the name of the tag."""


def why_free(condition: Condition) -> str | None:
    """Say why a key does not tell callers apart; None if its values can."""
    return _WHY_KEY_IS_FREE.get(condition.key.name.partition("/")[0]) or _WHY_FREE.get(condition.key.domain)


def _about_network(condition: Condition, key: str) -> str:
    by_version = {version: [each for each in condition.values if range_of(each)[0] == version] for version in _LARGEST}
    wide = [_LARGEST[version] for version, ranges in by_version.items() if not is_trusted_network(ranges)]
    if not wide:
        return f"{key} restricts the network, and a network is not part of the zone of trust"
    return f"{key} allows more {' and more '.join(wide)}"


_LARGEST: Final = {
    IPV4: "IPv4 addresses than a trusted network (a /8)",
    IPV6: "IPv6 addresses than a trusted network (a /32)",
}


def _about_match(condition: Condition, key: str, evaluation: Evaluation) -> str:
    value = evaluation.compared_value(condition)
    shown = f"{key} {describe(value)}"
    has_references = evaluation.variables and bool(references(value))
    if condition.operator.wildcards and has_wildcard(VARIABLE.sub("", value) if has_references else value):
        return f"{shown} {_beyond(condition, value)}"
    if has_references:
        return f"{shown} is the caller's own value"
    return f"{shown} is not in the zone of trust"


def _beyond(condition: Condition, pattern: str) -> str:  # noqa: PLR0911 - the same
    """Say which other callers a pattern matches."""
    match condition.key.domain:
        case _D.ORGANIZATION_ID:
            return "also matches other organizations"
        case _D.ORGANIZATION_PATH:
            fixed = not has_wildcard(pattern.partition("/")[0])
            return "is not in the zone of trust" if fixed else "also matches other organizations"
        case _D.USERID:
            fixed = not has_wildcard(pattern.partition(":")[0])
            return "is not in the zone of trust" if fixed else "also matches principals of other accounts"
        case _D.VPC:
            return "also matches VPCs of other accounts"
        case _D.ENDPOINT:
            return "also matches VPC endpoints of other accounts"
        case _D.PRINCIPAL_ARN | _D.VPC_ARN | _D.ARN:
            return _beyond_arn(condition, pattern)
        case _:
            return "also matches other accounts"


def _beyond_arn(condition: Condition, pattern: str) -> str:
    fields = arn_fields(pattern)
    crosses_fields = condition.operator.comparison is not Comparison.ARN and any(map(has_wildcard, fields[:4]))
    if crosses_fields and ACCOUNT_ID.search(pattern):
        return f"also matches other accounts, for a wildcard of {condition.operator.name} matches colons too"
    fixed = len(fields) == ARN_FIELDS and ACCOUNT_ID.fullmatch(account_of(pattern)) and not crosses_fields
    return "is not in the zone of trust" if fixed else "also matches other accounts"


def listed(condition: Condition) -> str:
    """Name the values of a condition: the first one, and how many more there are."""
    return enumerated([describe(value) for value in condition.values], 1)
