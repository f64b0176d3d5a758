"""Condition keys: the type of each, when a request context has it and which values it can have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import (
    FEDERATED,
    ROLE,
    ROOT,
    USER,
    Address,
    Caller,
    address,
    address_texts,
    issued,
    moment,
    moment_items,
    number_items,
    own_arn,
    provider,
    region_items,
)
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver_operators import OperatorType
from tests.oracle.solver_value_domains import DASHED
from tests.oracle.solver_values import Alternative, Identity, Items, items

Texts = Callable[[], tuple[Alternative, ...]]


class KeyType(Enum):
    """The type of a key, with the operator types that fit it (String operators fit every key)."""

    TEXT = frozenset({OperatorType.TEXT})
    ARN = frozenset({OperatorType.TEXT, OperatorType.ARN})
    BOOL = frozenset({OperatorType.TEXT, OperatorType.BOOL})
    NUMBER = frozenset({OperatorType.TEXT, OperatorType.NUMBER})
    DATE = frozenset({OperatorType.TEXT, OperatorType.DATE})
    EPOCH = frozenset({OperatorType.TEXT, OperatorType.DATE, OperatorType.NUMBER})
    ADDRESS = frozenset({OperatorType.TEXT, OperatorType.ADDRESS})
    ANY = frozenset(OperatorType) - {OperatorType.NULL}


@dataclass(frozen=True, slots=True)
class ContextValue:
    """One value of a key, as each type that an operator can read it as."""

    present: Bool
    texts: Texts
    truth: Bool = FALSE
    number: Int = None
    moment: Int = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class ContextKey:
    """A condition key of one request; an `unknown` key has one value or several."""

    name: str
    key_type: KeyType
    values: tuple[ContextValue, ...]
    multivalued: bool = False
    unknown: bool = False

    @property
    def present(self) -> Bool:
        """Whether the request context has the key; a first value is present before a second one."""
        return self.values[0].present


def single(name: str, key_type: KeyType, present: Bool, value: Items, *, multivalued: bool = False) -> ContextKey:
    """A key whose value has one form."""
    return ContextKey(
        name, key_type, (ContextValue(present, lambda: (Alternative(TRUE, value),)),), multivalued=multivalued
    )


def formed(name: str, key_type: KeyType, present: Bool, texts: Texts) -> ContextKey:
    """A key whose value has several forms."""
    return ContextKey(name, key_type, (ContextValue(present, texts),))


def bool_key(name: str, present: Bool, value: Bool) -> ContextKey:
    """A key that is true or false."""

    def texts() -> tuple[Alternative, ...]:
        return Alternative(value, items("true")), Alternative(logic.no(value), items("false"))

    return ContextKey(name, KeyType.BOOL, (ContextValue(present, texts, truth=value),))


@dataclass(frozen=True)
class RequestContext:
    """The keys and values of one request.

    `request_tags` and `tag_keys`: whether the action passes them; `value_counts`: how many conditions test a key.
    """

    caller: Caller
    request_tags: bool = True
    tag_keys: bool = True
    value_counts: Mapping[str, int] = field(default_factory=dict)
    keys: dict[str, ContextKey] = field(default_factory=dict)

    def key(self, name: str) -> ContextKey:
        """The key of this name, given in lower case; made once."""
        if name not in self.keys:
            self.keys[name] = _make(self, name)
        return self.keys[name]


def _several(request: RequestContext, name: str, allowed: Bool, key_type: KeyType) -> ContextKey:
    """A key with as many values as conditions test it, and one more.

    That is enough. Take a request that meets every condition, and keep of its values one for each condition that some
    value meets (or that not every value meets), and at least one: it still meets them all, because fewer values can
    only help the conditions that every value must meet.
    """
    count = request.value_counts.get(name, 1) + 1
    presences = [allowed]
    for place in range(count):
        presences.append(logic.both(presences[-1], logic.bool_var(f"{name} has value {place}")))
    values = []
    for place in range(count):
        text = items(request.caller.free_text(f"{name} {place}"))
        view = f"{name} {place} read as"
        readable = address(request.caller, view, public=False) if key_type is KeyType.ANY else None
        values.append(
            ContextValue(
                presences[place + 1],
                lambda text=text: (Alternative(TRUE, text),),  # type: ignore[misc]  # mypy infers no type for the bound value
                number=logic.real_var(f"{view} number"),
                moment=logic.real_var(f"{view} moment"),
                address=readable,
            )
        )
    return ContextKey(
        name, key_type, tuple(values), multivalued=key_type is not KeyType.ANY, unknown=key_type is KeyType.ANY
    )


def _organization(request: RequestContext, name: str, present: Bool, whose: str) -> ContextKey:
    return single(name, KeyType.TEXT, present, items(request.caller.own_organization(whose)))


def _organization_paths(request: RequestContext, name: str, present: Bool, whose: str) -> ContextKey:
    """A caller has exactly one path, so the key has one value although it is multivalued."""
    caller = request.caller
    value = items(caller.own_organization(whose), "/", caller.units(whose))
    return single(name, KeyType.TEXT, present, value, multivalued=True)


def _in_organization(_: RequestContext) -> Bool:
    return logic.bool_var("caller in organization")


def _endpoint_in_organization(request: RequestContext) -> Bool:
    return logic.both(request.caller.via_endpoint, logic.bool_var("endpoint in organization"))


def _resource_paths(request: RequestContext, name: str) -> ContextKey:
    caller = request.caller
    value = items(caller.resource_org, "/", caller.units("resource"))
    return single(name, KeyType.TEXT, caller.resource_in_organization, value, multivalued=True)


def _vpc(request: RequestContext, name: str) -> ContextKey:
    own = request.caller.own_id(name, Identity.ENDPOINT if name.endswith("vpce") else Identity.VPC)
    return single(name, KeyType.TEXT, request.caller.via_endpoint, items(own))


def _vpc_arn(request: RequestContext, name: str) -> ContextKey:
    caller = request.caller
    region = caller.free_text(f"{name} region", DASHED, 1)
    account, vpc = caller.own_account(name), caller.own_id(f"{name} vpc", Identity.VPC)
    value = items("arn:", caller.partition, ":ec2:", region, ":", account, ":vpc/", vpc)
    return single(name, KeyType.ARN, caller.via_endpoint, value)


def _address(request: RequestContext, name: str) -> ContextKey:
    """aws:SourceIp is public, and absent through a VPC endpoint; the caller chooses the other addresses."""
    caller = request.caller
    source, instance = name == "aws:sourceip", name == "aws:ec2instancesourceprivateipv4"
    chosen = address(caller, name, public=source, with_v6=not instance)
    present = logic.bool_var(f"{name} is present") if instance else caller.via_endpoint
    value = ContextValue(
        logic.no(present) if source else present, lambda: address_texts(caller, name, chosen), address=chosen
    )
    return ContextKey(name, KeyType.ADDRESS, (value,))


def _moment(request: RequestContext, name: str) -> ContextKey:
    """aws:CurrentTime, aws:EpochTime and aws:TokenIssueTime."""
    caller = request.caller
    of_token = name == "aws:tokenissuetime"
    value = issued(caller) if of_token else moment(caller)
    present = logic.bool_var(f"{name} is present") if of_token else TRUE
    epoch = name == "aws:epochtime"

    def texts() -> tuple[Alternative, ...]:
        made = number_items(caller, value, name) if epoch else moment_items(caller, value, name)
        return (Alternative(TRUE, made),)

    key_type = KeyType.EPOCH if epoch else KeyType.DATE
    return ContextKey(name, key_type, (ContextValue(present, texts, number=value, moment=value),))


def _mfa_age(request: RequestContext, name: str) -> ContextKey:
    value = logic.int_var(name)
    request.caller.facts.append(value >= 0)

    def texts() -> tuple[Alternative, ...]:
        return (Alternative(TRUE, number_items(request.caller, value, name)),)

    return ContextKey(name, KeyType.NUMBER, (ContextValue(logic.bool_var(f"{name} is present"), texts, number=value),))


def _principal_type(request: RequestContext, name: str) -> ContextKey:
    kinds = ((ROOT, "Account"), (USER, "User"), (ROLE, "AssumedRole"), (FEDERATED, "FederatedUser"))
    forms = tuple(Alternative(request.caller.is_kind(kind), items(text)) for kind, text in kinds)
    return formed(name, KeyType.TEXT, TRUE, lambda: forms)


def _tag_keys(request: RequestContext, name: str) -> ContextKey:
    return _several(request, name, logic.truth(request.tag_keys), KeyType.TEXT)


def _never(_: RequestContext, name: str) -> ContextKey:
    """Only requests of an AWS service, or of actions that no repository policy can grant, have this key."""
    return single(name, KeyType.ANY, FALSE, items(""))


def _never_multivalued(_: RequestContext, name: str) -> ContextKey:
    return single(name, KeyType.ANY, FALSE, items(""), multivalued=True)


def _optional(name: str) -> Bool:
    return logic.bool_var(f"{name} is present")


def _free(request: RequestContext, name: str) -> ContextKey:
    return single(name, KeyType.TEXT, _optional(name), items(request.caller.free_text(name)))


def _free_bool(_: RequestContext, name: str) -> ContextKey:
    return bool_key(name, _optional(name), logic.bool_var(name))


def _own_arn(request: RequestContext, name: str) -> ContextKey:
    return single(name, KeyType.ARN, _optional(name), own_arn(request.caller, name))


def _request_tag(request: RequestContext, name: str) -> ContextKey:
    present = _optional(name) if request.request_tags else FALSE
    return single(name, KeyType.TEXT, present, items(request.caller.free_text(name)))


def _row(
    key_type: KeyType, present: Callable[[Caller], Bool], value: Callable[[Caller, str], Items]
) -> Callable[[RequestContext, str], ContextKey]:
    """A key with one form of value."""
    return lambda request, name: single(name, key_type, present(request.caller), value(request.caller, name))


def _always(_: Caller) -> Bool:
    return TRUE


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
KEYS: dict[str, Callable[[RequestContext, str], ContextKey]] = {
    # Properties of the principal
    "aws:principalaccount": _row(KeyType.TEXT, _always, lambda caller, _: items(caller.account)),
    "aws:principalarn": lambda request, name: formed(name, KeyType.ARN, TRUE, lambda: request.caller.principal_arn),
    "aws:principaltype": _principal_type,
    "aws:userid": lambda request, name: formed(name, KeyType.TEXT, TRUE, lambda: request.caller.user_id),
    "aws:username": _row(KeyType.TEXT, lambda caller: caller.is_kind(USER), lambda caller, _: items(caller.name)),
    "aws:principalorgid": lambda request, name: _organization(request, name, _in_organization(request), "caller"),
    "aws:principalorgpaths": lambda request, name: _organization_paths(
        request, name, _in_organization(request), "caller"
    ),
    "aws:principalisawsservice": lambda _, name: bool_key(name, TRUE, FALSE),
    "aws:principalservicename": _never,
    "aws:principalservicenameslist": _never_multivalued,
    # Properties of the role session
    "aws:sourceidentity": _free,
    "aws:federatedprovider": lambda request, name: formed(
        name, KeyType.ARN, logic.bool_var("provider is present"), lambda: provider(request.caller)
    ),
    "aws:tokenissuetime": _moment,
    "aws:multifactorauthpresent": _free_bool,
    "aws:multifactorauthage": _mfa_age,
    "aws:assumedroot": _free_bool,
    "aws:signinsessionarn": _own_arn,
    "aws:chatbotsourcearn": _own_arn,
    "aws:ec2instancesourcevpc": _row(
        KeyType.TEXT,
        lambda _: logic.bool_var("ec2 source vpc is present"),
        lambda caller, name: items(caller.own_id(name, Identity.VPC)),
    ),
    "aws:ec2instancesourceprivateipv4": _address,
    "ec2:sourceinstancearn": _own_arn,
    "ssm:sourceinstancearn": _own_arn,
    "lambda:sourcefunctionarn": _own_arn,
    "codebuild:buildarn": _own_arn,
    "codebuild:projectarn": _own_arn,
    "identitystore:userid": _row(
        KeyType.TEXT,
        lambda _: logic.bool_var("identity store user is present"),
        lambda caller, name: items(caller.own_id(name, Identity.STORE)),
    ),
    # Properties of the network
    "aws:sourceip": _address,
    "aws:vpcsourceip": _address,
    "aws:sourcevpc": _vpc,
    "aws:sourcevpce": _vpc,
    "aws:sourcevpcarn": _vpc_arn,
    "aws:vpceaccount": _row(
        KeyType.TEXT, lambda caller: caller.via_endpoint, lambda caller, name: items(caller.own_account(name))
    ),
    "aws:vpceorgid": lambda request, name: _organization(request, name, _endpoint_in_organization(request), "endpoint"),
    "aws:vpceorgpaths": lambda request, name: _organization_paths(
        request, name, _endpoint_in_organization(request), "endpoint"
    ),
    # Properties of the request
    "aws:calledvia": lambda request, name: _several(request, name, TRUE, KeyType.TEXT),
    "aws:calledviafirst": _free,
    "aws:calledvialast": _free,
    "aws:viaawsservice": lambda _, name: bool_key(name, TRUE, logic.bool_var(name)),
    "aws:currenttime": _moment,
    "aws:epochtime": _moment,
    "aws:referer": _free,
    "aws:requestedregion": _row(KeyType.TEXT, _always, lambda caller, _: region_items(caller)),
    "aws:securetransport": lambda _, name: bool_key(name, TRUE, TRUE),
    "aws:tagkeys": _tag_keys,
    "aws:useragent": _row(KeyType.TEXT, _always, lambda caller, name: items(caller.free_text(name))),
    "aws:sourceaccount": _never,
    "aws:sourcearn": _never,
    "aws:sourceowner": _never,
    "aws:sourceorgid": _never,
    "aws:sourceorgpaths": _never_multivalued,
    "ecr:accountsetting": _never,
    # Properties of the resource
    "aws:resourceaccount": _row(KeyType.TEXT, _always, lambda caller, _: items(caller.resource_account)),
    "aws:resourceorgid": _row(
        KeyType.TEXT, lambda caller: caller.resource_in_organization, lambda caller, _: items(caller.resource_org)
    ),
    "aws:resourceorgpaths": _resource_paths,
}
"""Every global condition key, and every key of ECR, in lower case."""

PREFIXES: dict[str, Callable[[RequestContext, str], ContextKey]] = {
    "aws:principaltag/": _free,
    "aws:requesttag/": _request_tag,
    "aws:resourcetag/": _free,
    "ecr:resourcetag/": _free,
    "saml:": _free,
    "sts:": _never,
}
"""The beginnings of keys that have many names."""


def _make(request: RequestContext, name: str) -> ContextKey:
    """The key by its row; a key of a web identity provider, whose host has a dot, is free; others are unknown."""
    if name in KEYS:
        return KEYS[name](request, name)
    for prefix, make in PREFIXES.items():
        if name.startswith(prefix):
            return make(request, name)
    service, _, _ = name.partition(":")
    return _free(request, name) if "." in service else _several(request, name, TRUE, KeyType.ANY)
