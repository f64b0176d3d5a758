"""What a caller can bring: every condition key that the table knows, and those it does not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.oracle.solver import logic
from tests.oracle.solver.caller import FEDERATED, ROLE, ROOT, USER, Caller
from tests.oracle.solver.circumstances import (
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
from tests.oracle.solver.keys import Key, Kind, Slot, flag, formed, single
from tests.oracle.solver.logic import FALSE, TRUE, Bool
from tests.oracle.solver.pieces import Alternative, Identity, Items, items
from tests.oracle.solver.shapes import DASHED


@dataclass(frozen=True)
class Request:
    """A caller with what depends on the action, and how many values a key with several is given."""

    caller: Caller
    request_tags: bool = True
    tag_keys: bool = True
    slots: Mapping[str, int] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    def key(self, name: str) -> Key:
        """The key of this name, made once."""
        if name not in self.keys:
            self.keys[name] = _make(self, name)
        return self.keys[name]


_NEVER = frozenset(
    "aws:sourceaccount aws:sourcearn aws:sourceowner aws:sourceorgid aws:sourceorgpaths aws:principalservicename "
    "aws:principalservicenameslist ecr:accountsetting".split()
)
_NEVER_MULTIVALUED = frozenset({"aws:sourceorgpaths", "aws:principalservicenameslist"})
_OWN_ARNS = frozenset(
    "lambda:sourcefunctionarn codebuild:buildarn codebuild:projectarn ec2:sourceinstancearn ssm:sourceinstancearn "
    "aws:chatbotsourcearn aws:signinsessionarn".split()
)
_FREE_TEXTS = frozenset({"aws:sourceidentity", "aws:referer"})
_FREE_PREFIXES = ("aws:principaltag/", "aws:resourcetag/", "ecr:resourcetag/", "saml:")
_FREE_FLAGS = frozenset({"aws:multifactorauthpresent", "aws:assumedroot"})


def _make(request: Request, name: str) -> Key:
    """The row of the key table that a name falls under; no row means an unknown key."""
    if name in _NEVER or name.startswith("sts:"):
        return single(name, Kind.OPEN, FALSE, items(""), multivalued=name in _NEVER_MULTIVALUED)
    if name in _ROWS:
        return _ROWS[name](request, name)
    caller = request.caller
    choice = logic.bool_var(f"{name} is present")
    if name in _OWN_ARNS:
        return single(name, Kind.ARN, choice, own_arn(caller, name))
    if name in _FREE_FLAGS:
        return flag(name, choice, logic.bool_var(name))
    if name.startswith("aws:requesttag/"):
        present = choice if request.request_tags else FALSE
        return single(name, Kind.TEXT, present, items(caller.free_text(name)))
    provider, _, _ = name.partition(":")
    named = name in _FREE_TEXTS or name.startswith(_FREE_PREFIXES) or name.startswith("aws:calledvia")
    if named or "." in provider:
        return single(name, Kind.TEXT, choice, items(caller.free_text(name)))
    return _several(request, name, TRUE, Kind.OPEN)


def _several(request: Request, name: str, allowed: Bool, kind: Kind) -> Key:
    """A key with as many values as there are tests of it, and one more.

    That is enough: a request that meets every test still meets it when, of all its values, only one witness for each
    "some value does" (or "not every value does") and one value at all are kept, because fewer values can only help
    the tests that ask about every value.
    """
    count = request.slots.get(name, 1) + 1
    presences = [allowed]
    for place in range(count):
        presences.append(logic.both(presences[-1], logic.bool_var(f"{name} has value {place}")))
    slots = []
    for place in range(count):
        value = items(request.caller.free_text(f"{name} {place}"))
        view = f"{name} {place} read as"
        readable = address(request.caller, view, public=False) if kind is Kind.OPEN else None
        slots.append(
            Slot(
                presences[place + 1],
                lambda value=value: (Alternative(TRUE, value),),  # type: ignore[misc]
                number=logic.real_var(f"{view} number"),
                moment=logic.real_var(f"{view} moment"),
                address=readable,
            )
        )
    return Key(name, kind, tuple(slots), multivalued=kind is not Kind.OPEN, unknown=kind is Kind.OPEN)


def _organization(request: Request, name: str, present: Bool, whose: str) -> Key:
    return single(name, Kind.TEXT, present, items(request.caller.own_organization(whose)))


def _organization_paths(request: Request, name: str, present: Bool, whose: str) -> Key:
    """A caller has exactly one path, so the key has one value although it is multivalued."""
    caller = request.caller
    value = items(caller.own_organization(whose), "/", caller.units(whose))
    return single(name, Kind.TEXT, present, value, multivalued=True)


def _in_organization(_: Request) -> Bool:
    return logic.bool_var("caller in organization")


def _endpoint_in_organization(request: Request) -> Bool:
    return logic.both(request.caller.via_endpoint, logic.bool_var("endpoint in organization"))


def _resource_paths(request: Request, name: str) -> Key:
    caller = request.caller
    value = items(caller.resource_org, "/", caller.units("resource"))
    return single(name, Kind.TEXT, caller.resource_in_organization, value, multivalued=True)


def _vpc(request: Request, name: str) -> Key:
    own = request.caller.own_id(name, Identity.ENDPOINT if name.endswith("vpce") else Identity.VPC)
    return single(name, Kind.TEXT, request.caller.via_endpoint, items(own))


def _vpc_arn(request: Request, name: str) -> Key:
    caller = request.caller
    region = caller.free_text(f"{name} region", DASHED, 1)
    account, vpc = caller.own_account(name), caller.own_id(f"{name} vpc", Identity.VPC)
    value = items("arn:", caller.partition, ":ec2:", region, ":", account, ":vpc/", vpc)
    return single(name, Kind.ARN, caller.via_endpoint, value)


def _address(request: Request, name: str) -> Key:
    """aws:SourceIp is public and absent through an endpoint; the other addresses are whatever the caller chooses."""
    caller = request.caller
    source, instance = name == "aws:sourceip", name == "aws:ec2instancesourceprivateipv4"
    chosen = address(caller, name, public=source, long=not instance)
    present = logic.bool_var(f"{name} is present") if instance else caller.via_endpoint
    slot = Slot(logic.no(present) if source else present, lambda: address_texts(caller, name, chosen), address=chosen)
    return Key(name, Kind.ADDRESS, (slot,))


def _moment(request: Request, name: str) -> Key:
    """Current time, epoch time and the time the token was issued."""
    caller = request.caller
    of_token = name == "aws:tokenissuetime"
    value = issued(caller) if of_token else moment(caller)
    present = logic.bool_var(f"{name} is present") if of_token else TRUE
    epoch = name == "aws:epochtime"

    def texts() -> tuple[Alternative, ...]:
        made = number_items(caller, value, name) if epoch else moment_items(caller, value, name)
        return (Alternative(TRUE, made),)

    kind = Kind.EPOCH if epoch else Kind.MOMENT
    return Key(name, kind, (Slot(present, texts, number=value, moment=value),))


def _mfa_age(request: Request, name: str) -> Key:
    value = logic.int_var(name)
    request.caller.facts.append(value >= 0)

    def texts() -> tuple[Alternative, ...]:
        return (Alternative(TRUE, number_items(request.caller, value, name)),)

    return Key(name, Kind.NUMBER, (Slot(logic.bool_var(f"{name} is present"), texts, number=value),))


def _principal_type(request: Request, name: str) -> Key:
    kinds = ((ROOT, "Account"), (USER, "User"), (ROLE, "AssumedRole"), (FEDERATED, "FederatedUser"))
    forms = tuple(Alternative(request.caller.is_kind(kind), items(text)) for kind, text in kinds)
    return formed(name, Kind.TEXT, TRUE, lambda: forms)


def _tag_keys(request: Request, name: str) -> Key:
    return _several(request, name, logic.truth(request.tag_keys), Kind.TEXT)


def _row(
    kind: Kind, present: Callable[[Caller], Bool], value: Callable[[Caller, str], Items]
) -> Callable[[Request, str], Key]:
    """A key with one form of value."""
    return lambda request, name: single(name, kind, present(request.caller), value(request.caller, name))


def _always(_: Caller) -> Bool:
    return TRUE


_ROWS: dict[str, Callable[[Request, str], Key]] = {
    "aws:principalaccount": _row(Kind.TEXT, _always, lambda caller, _: items(caller.account)),
    "aws:principalarn": lambda request, name: formed(name, Kind.ARN, TRUE, lambda: request.caller.principal_arn),
    "aws:userid": lambda request, name: formed(name, Kind.TEXT, TRUE, lambda: request.caller.user_id),
    "aws:username": _row(Kind.TEXT, lambda caller: caller.is_kind(USER), lambda caller, _: items(caller.name)),
    "aws:principaltype": _principal_type,
    "aws:principalorgid": lambda request, name: _organization(request, name, _in_organization(request), "caller"),
    "aws:principalorgpaths": lambda request, name: _organization_paths(
        request, name, _in_organization(request), "caller"
    ),
    "aws:sourceip": _address,
    "aws:vpcsourceip": _address,
    "aws:ec2instancesourceprivateipv4": _address,
    "aws:sourcevpc": _vpc,
    "aws:sourcevpce": _vpc,
    "aws:sourcevpcarn": _vpc_arn,
    "aws:vpceaccount": _row(
        Kind.TEXT, lambda caller: caller.via_endpoint, lambda caller, name: items(caller.own_account(name))
    ),
    "aws:vpceorgid": lambda request, name: _organization(request, name, _endpoint_in_organization(request), "endpoint"),
    "aws:vpceorgpaths": lambda request, name: _organization_paths(
        request, name, _endpoint_in_organization(request), "endpoint"
    ),
    "aws:ec2instancesourcevpc": _row(
        Kind.TEXT,
        lambda _: logic.bool_var("ec2 source vpc is present"),
        lambda caller, name: items(caller.own_id(name, Identity.VPC)),
    ),
    "identitystore:userid": _row(
        Kind.TEXT,
        lambda _: logic.bool_var("identity store user is present"),
        lambda caller, name: items(caller.own_id(name, Identity.STORE)),
    ),
    "aws:principalisawsservice": lambda _, name: flag(name, TRUE, FALSE),
    "aws:securetransport": lambda _, name: flag(name, TRUE, TRUE),
    "aws:viaawsservice": lambda _, name: flag(name, TRUE, logic.bool_var(name)),
    "aws:federatedprovider": lambda request, name: formed(
        name, Kind.ARN, logic.bool_var("provider is present"), lambda: provider(request.caller)
    ),
    "aws:multifactorauthage": _mfa_age,
    "aws:tokenissuetime": _moment,
    "aws:currenttime": _moment,
    "aws:epochtime": _moment,
    "aws:useragent": _row(Kind.TEXT, _always, lambda caller, name: items(caller.free_text(name))),
    "aws:calledvia": lambda request, name: _several(request, name, TRUE, Kind.TEXT),
    "aws:tagkeys": _tag_keys,
    "aws:requestedregion": _row(Kind.TEXT, _always, lambda caller, _: region_items(caller)),
    "aws:resourceaccount": _row(Kind.TEXT, _always, lambda caller, _: items(caller.resource_account)),
    "aws:resourceorgid": _row(
        Kind.TEXT, lambda caller: caller.resource_in_organization, lambda caller, _: items(caller.resource_org)
    ),
    "aws:resourceorgpaths": _resource_paths,
}
