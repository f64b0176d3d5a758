"""Condition keys: the type of each, when a request context has it and which values it can have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import (
    FEDERATED,
    ROLE,
    ROOT,
    USER,
    Caller,
    address,
    issued,
    moment,
    own_arn,
    provider,
    region_items,
    spelled,
)
from tests.oracle.solver_key_types import ContextKey, ContextValue, Doubt, KeyType, bool_key, formed, single
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver_operators import LAST_MOMENT, moment_text
from tests.oracle.solver_patterns import folded
from tests.oracle.solver_value_domains import DASHED
from tests.oracle.solver_values import Alternative, Identity, Items, items

_ADDRESS = IPv4Address("198.51.100.7")


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
        read_as = logic.real_var(f"{view} moment")
        request.caller.facts.append(read_as <= LAST_MOMENT)
        readable = address(request.caller, view, public=False) if key_type is KeyType.ANY else None
        values.append(
            ContextValue(
                presences[place + 1],
                lambda text=text: (Alternative(TRUE, text),),  # type: ignore[misc]  # mypy infers no type for the bound value
                number=logic.real_var(f"{view} number"),
                moment=read_as,
                address=readable,
            )
        )
    return ContextKey(
        name, key_type, tuple(values), multivalued=key_type is not KeyType.ANY, unknown=key_type is KeyType.ANY
    )


def _organization(request: RequestContext, name: str, present: Bool, whose: str) -> ContextKey:
    return single(name, KeyType.TEXT, present, items(request.caller.organization(whose)))


def _organization_paths(request: RequestContext, name: str, present: Bool, whose: str) -> ContextKey:
    """A caller has exactly one path, so the key has one value although it is multivalued."""
    caller = request.caller
    value = items(caller.organization(whose), "/", caller.units(whose))
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
    account, vpc = caller.endpoint_account(name), caller.own_id(f"{name} vpc", Identity.VPC)
    value = items("arn:", caller.partition, ":ec2:", region, ":", account, ":vpc/", vpc)
    return single(name, KeyType.ARN, caller.via_endpoint, value)


def _address(request: RequestContext, name: str) -> ContextKey:
    """aws:SourceIp is public, and absent through a VPC endpoint; the caller chooses the other addresses."""
    caller = request.caller
    source, instance = name == "aws:sourceip", name == "aws:ec2instancesourceprivateipv4"
    chosen = address(caller, name, public=source, with_v6=not instance)
    present = logic.bool_var(f"{name} is present") if instance else caller.via_endpoint
    example = logic.both(chosen.is_v4, chosen.v4 == int(_ADDRESS))
    value = ContextValue(
        logic.no(present) if source else present,
        lambda: spelled(caller, name, str(_ADDRESS), example),
        address=chosen,
    )
    return ContextKey(name, KeyType.ADDRESS, (value,))


def _moment(request: RequestContext, name: str) -> ContextKey:
    """aws:CurrentTime, aws:EpochTime and aws:TokenIssueTime."""
    caller = request.caller
    of_token, epoch = name == "aws:tokenissuetime", name == "aws:epochtime"
    value, now = issued(caller) if of_token else moment(caller), caller.rules.now

    def texts() -> tuple[Alternative, ...]:
        return spelled(caller, name, str(now) if epoch else moment_text(now), value == now)

    present = _optional(name) if of_token else TRUE
    held = ContextValue(present, texts, number=value if epoch else None, moment=value)
    return ContextKey(name, KeyType.EPOCH if epoch else KeyType.DATE, (held,))


def _number(request: RequestContext, name: str, value: Int) -> ContextKey:
    held = ContextValue(_optional(name), lambda: spelled(request.caller, name, "2", value == 2), number=value)
    return ContextKey(name, KeyType.NUMBER, (held,))


def _mfa_age(request: RequestContext, name: str) -> ContextKey:
    value = logic.real_var(name)
    request.caller.facts.append(value >= 0)
    return _number(request, name, value)


def _free_number(request: RequestContext, name: str) -> ContextKey:
    return _number(request, name, logic.real_var(name))


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


def _false(_: RequestContext, name: str) -> ContextKey:
    return bool_key(name, _optional(name), FALSE)


def _glue(_: RequestContext, name: str) -> ContextKey:
    return single(name, KeyType.TEXT, _optional(name), items("glue.amazonaws.com"))


def _own_arn(request: RequestContext, name: str) -> ContextKey:
    return single(name, KeyType.ARN, _optional(name), own_arn(request.caller, name))


def _request_tag(request: RequestContext, name: str) -> ContextKey:
    present = _optional(name) if request.request_tags else FALSE
    return single(name, KeyType.TEXT, present, items(request.caller.free_text(name)))


def tags_of_key(tags: Mapping[str, str], name: str) -> dict[str, str]:
    """The tags of the repository that a key asks for, if letter case is ignored for every letter."""
    asked = name.partition("/")[2]
    return {tag: value for tag, value in tags.items() if tag.casefold() == asked.casefold()}


def _resource_tag(request: RequestContext, name: str) -> ContextKey:
    """A constant where the repository's tags are known, else free.

    Undocumented is which of two tags it is whose keys differ only in case, and whether other letters than those of
    ASCII are the same in another case.
    """
    tags = request.caller.rules.resource_tags
    if tags is None:
        return _free(request, name)
    found = tags_of_key(tags, name)
    certain = [tag for tag in found if folded(tag) == name.partition("/")[2]]
    if len(found) > 1 or len(certain) < len(found):
        doubt = Doubt.VALUE if certain else Doubt.PRESENCE
        return replace(single(name, KeyType.TEXT, TRUE, ()), doubt=doubt)
    return single(name, KeyType.TEXT, logic.truth(bool(found)), items(*found.values()))


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
    "ec2:roledelivery": _free_number,
    "glue:roleassumedby": _glue,
    "glue:credentialissuingservice": _glue,
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
        KeyType.TEXT, lambda caller: caller.via_endpoint, lambda caller, name: items(caller.endpoint_account(name))
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
    "aws:viaawsmcpservice": _free_bool,
    "aws:calledviaawsmcp": _free,
    "aws:ismcpserviceaction": _false,
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
    "aws:resourcetag/": _resource_tag,
    "ecr:resourcetag/": _resource_tag,
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
    service, colon, _ = name.partition(":")
    return _free(request, name) if colon and "." in service else _several(request, name, TRUE, KeyType.ANY)
