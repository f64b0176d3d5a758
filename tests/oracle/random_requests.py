"""Random requests of the callers that a test is about, made from the keys and values of a policy.

Each of them is possible: its keys agree with each other, and its caller has no id that the policy names (`reachable`)
or that is in the zone of trust (`external`). Where `judge` reports no access, `is_allowed` must deny all of them.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from ecr_exposure import Request
from tests.oracle.solver_condition_keys import KEYS, tags_of_key
from tests.oracle.solver_operators import (
    NOT_PUBLIC_V4,
    PUBLIC_V6,
    Network,
    OperatorType,
    is_trusted_network,
    read_moment,
    read_network,
)
from tests.oracle.solver_oracle import excluded_ids
from tests.oracle.solver_patterns import PolicyVariable, read_pattern
from tests.oracle.solver_policy import Condition, Statement, read_policy
from tests.oracle.solver_statements import carries_request_tags, carries_tag_keys, covered_actions
from tests.oracle.solver_value_domains import partition_of
from tests.oracle.solver_values import Identity

Context = dict[str, str | tuple[str, ...]]

_IDS: Final = {
    Identity.ACCOUNT: (re.compile(r"[0-9]{12}"), "{}"),
    Identity.ORGANIZATION: (re.compile(r"o-[a-z0-9]{10,32}"), "o-{}"),
    Identity.UNIQUE: (re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,28}"), "{}"),
    Identity.VPC: (re.compile(r"vpc-[0-9a-f]+"), "vpc-{}"),
    Identity.ENDPOINT: (re.compile(r"vpce-[0-9a-f]+"), "vpce-{}"),
    Identity.STORE: (re.compile(r"[!-~]{10,40}"), "{}-store"),
}
"""The form of each id, and how twelve random digits become a fresh one."""
_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_UNITS: Final = re.compile(r"r-[a-z0-9]{4,32}/(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*")
_PATH_AND_NAME: Final = re.compile(r"([!-~]+/)?[\w+=,.@-]+", re.ASCII)
_TYPES: Final = {"root": "Account", "user": "User", "role": "AssumedRole", "federated-user": "FederatedUser"}
_OWN_ARNS: Final = (
    "aws:chatbotsourcearn aws:signinsessionarn codebuild:buildarn codebuild:projectarn ec2:sourceinstancearn "
    "lambda:sourcefunctionarn ssm:sourceinstancearn".split()
)
_FREE: Final = frozenset(
    "aws:sourceidentity aws:referer aws:calledvia aws:calledviafirst aws:calledvialast aws:tagkeys "
    "aws:multifactorauthpresent aws:multifactorauthage aws:assumedroot aws:viaawsmcpservice aws:calledviaawsmcp "
    "aws:ismcpserviceaction ec2:roledelivery glue:roleassumedby glue:credentialissuingservice".split()
)
_VALUES: Final = {
    "aws:multifactorauthpresent": ("true", "false"),
    "aws:assumedroot": ("true", "false"),
    "aws:viaawsmcpservice": ("true", "false"),
    "aws:ismcpserviceaction": ("false",),
    "aws:multifactorauthage": ("0", "1", "5", "299", "300", "301", "3601"),
    "ec2:roledelivery": ("1", "2", "1.5", "-1", "3"),
    "glue:roleassumedby": ("glue.amazonaws.com",),
    "glue:credentialissuingservice": ("glue.amazonaws.com",),
}
_LAST_MOMENT: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def random_requests(policy: Any, question: dict[str, Any], random: Random, count: int) -> Iterator[Request]:
    """So many requests for actions that the policy allows; none if it allows no action."""
    maker = RequestMaker(read_policy(policy) or (), excluded_ids(policy, **question), question, random)
    for _ in range(count if maker.actions else 0):
        yield maker.request()


class RequestMaker:
    """What the requests for some statements and one question have in common."""

    def __init__(
        self,
        statements: tuple[Statement, ...],
        excluded: dict[Identity, frozenset[str]],
        question: dict[str, Any],
        random: Random,
    ) -> None:
        """`excluded`: the ids that no caller has."""
        self.actions = _granted_actions(statements)
        self.question = question
        self.random = random
        self.excluded = excluded
        self.conditions = [condition for statement in statements for condition in statement.conditions]
        self.keys = {condition.key for condition in self.conditions} | set(self._variables())
        self.networks = [network for condition in self.conditions for network in _networks(condition)]
        self.trusted = _trusted_networks(self.conditions)
        self.listed = _listed_texts(statements)

    def request(self) -> Request:
        """Make one request."""
        random, region = self.random, self.question["region"]
        partition = partition_of(region) if region else random.choice(("aws", "aws-cn", "aws-us-gov"))
        region = region or self._near("aws:requestedregion") or "us-east-1"
        owner = self.question["owner"] or self._id(Identity.ACCOUNT)
        tags = self.question.get("resource_tags")
        action = random.choice(self.actions)
        principal, context = self._identity(partition, self._id(Identity.ACCOUNT, but=owner))
        context |= self._organizations() | self._network(partition, region, owner) | self._times()
        context |= self._origin(partition, owner)
        context |= {
            "aws:requestedregion": region,
            "aws:resourceaccount": owner,
            "aws:securetransport": "true",
            "aws:principalisawsservice": "false",
            "aws:viaawsservice": random.choice(("true", "false")),
            "aws:useragent": self._near("aws:useragent"),
        }
        for key in sorted(self.keys):
            if key.partition("/")[0] in ("aws:resourcetag", "ecr:resourcetag") and tags is not None:
                values = list(tags_of_key(tags, key).values())
                if values:
                    context[key] = random.choice(values)  # of two tags whose keys differ only in case, any may count
            elif random.random() < 0.75 and _is_free(key, action):
                context[key] = self._free_value(key)
        return Request(principal=principal, action=action, context=context)

    def _variables(self) -> Iterator[str]:
        for condition in self.conditions:
            for value in condition.values:
                pattern = read_pattern(value, wildcards=False, variables=condition.variables)
                yield from (token.key for token in pattern if isinstance(token, PolicyVariable))

    def _identity(self, partition: str, account: str) -> tuple[str, Context]:
        """The principal, and the keys that must agree with it."""
        kind, name = self._kind_and_name()
        return self.identity(partition, account, kind, name)

    def identity(
        self, partition: str, account: str, kind: str, name: str, session: str | None = None
    ) -> tuple[str, Context]:
        """The principal of this kind and name, with the keys that must agree with it."""
        start = f"arn:{partition}:{'sts' if kind == 'federated-user' else 'iam'}::{account}"
        arn = f"{start}:root" if kind == "root" else f"{start}:{kind}/{name}"
        last_name, session = name.rpartition("/")[2], session or self._pick(_NAME, "aws:userid", "x")
        user_id = {
            "root": account,
            "user": self._id(Identity.UNIQUE, prefix="AIDA"),
            "role": f"{self._id(Identity.UNIQUE, prefix='AROA')}:{session}",
            "federated-user": f"{account}:{name}",
        }[kind]
        context: Context = {
            "aws:principalaccount": account,
            "aws:principalarn": arn,
            "aws:principaltype": _TYPES[kind],
            "aws:userid": user_id,
        }
        if kind == "user":
            context["aws:username"] = last_name
        principal = f"arn:{partition}:sts::{account}:assumed-role/{last_name}/{session}" if kind == "role" else arn
        return principal, context

    def _kind_and_name(self) -> tuple[str, str]:
        """A kind of caller with path and name, as in an ARN of the policy or any."""
        found = [
            re.search(r"(root|user/.+|role/.+|federated-user/.+)$", text) for text in self._texts("aws:principalarn")
        ]
        tails = [tail[1] for tail in found if tail] + [f"{kind}/x" for kind in _TYPES]
        kind, _, name = self.random.choice(tails).partition("/")
        if kind == "user" and self.random.random() < 0.5:
            name = self._pick(_NAME, "aws:username", "x")
        shape = _NAME if kind == "federated-user" else _PATH_AND_NAME
        return kind, name if shape.fullmatch(name) else "x"

    def _organizations(self) -> Context:
        """Often an organization of the caller, and often another one of the owner."""
        owner = self._pick(_IDS[Identity.ORGANIZATION][0], "aws:resourceorgid", "o-resource00000")
        context: Context = {}
        if self.random.random() < 0.5:
            context |= {"aws:resourceorgid": owner, "aws:resourceorgpaths": (f"{owner}/{self._units()}",)}
        if self.random.random() < 0.6:
            own = self._id(Identity.ORGANIZATION, but=owner)
            context |= {"aws:principalorgid": own, "aws:principalorgpaths": (f"{own}/{self._units()}",)}
        return context

    def _network(self, partition: str, region: str, owner: str) -> Context:
        """A public address, or a VPC endpoint of the caller."""
        address = self._public_address() if self.random.random() < 0.5 else None
        if address is not None:
            return {"aws:sourceip": address}
        external = self.question["test"] == "external"
        vpc, account = self._id(Identity.VPC), self._id(Identity.ACCOUNT, but=owner)
        if external and self.random.random() < 0.5:
            account = self.random.choice((owner, *self.question["members"], *self.question["trusted_accounts"]))
        context: Context = {
            "aws:sourcevpc": vpc,
            "aws:sourcevpce": self._id(Identity.ENDPOINT),
            "aws:sourcevpcarn": f"arn:{partition}:ec2:{region}:{account}:vpc/{vpc}",
            "aws:vpceaccount": account,
            "aws:vpcsourceip": self._address(),
        }
        if self.random.random() < 0.5:
            own = self._id(Identity.ORGANIZATION)
            if external and self.random.random() < 0.5:
                own = self.random.choice((own, *self.question["trusted_organizations"]))
            context |= {"aws:vpceorgid": own, "aws:vpceorgpaths": (f"{own}/{self._units()}",)}
        return context

    def _times(self) -> Context:
        """One moment, now or later, and often credentials of the last 36 hours."""
        now = self.question["now"].timestamp()
        written = [read_moment(value) for each in self.conditions for value in each.values]
        moments = [float(moment) + step for moment in written if moment is not None for step in (-1, 0, 1)]
        moment = int(self.random.choice([now, *(each for each in moments if now <= each <= _LAST_MOMENT)]))
        at = datetime.fromtimestamp(moment, UTC)
        context: Context = {"aws:currenttime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "aws:epochtime": str(moment)}
        if self.random.random() < 0.7:
            issued = at - timedelta(seconds=self.random.choice((0, 1, 3600, 36 * 3600)))
            context["aws:tokenissuetime"] = f"{issued:%Y-%m-%dT%H:%M:%SZ}"
        return context

    def _origin(self, partition: str, owner: str) -> Context:
        """Some keys about where the credentials come from: resources in an account of the caller."""
        account = self._id(Identity.ACCOUNT, but=owner)
        context: Context = {}
        for key in _OWN_ARNS:
            fields = self._near(key).split(":", 5)
            rest = fields[5] if len(fields) == 6 and fields[5] else "x"
            service, region = (fields[2] or "x", fields[3]) if len(fields) == 6 else ("x", "")
            context[key] = f"arn:{partition}:{service}:{region}:{account}:{rest}"
        context["aws:ec2instancesourcevpc"] = self._id(Identity.VPC)
        context["aws:ec2instancesourceprivateipv4"] = self._address(version=4)
        context["identitystore:userid"] = self._id(Identity.STORE)
        provider = self._near("aws:federatedprovider")
        tail = provider.rpartition(":")[2] or "saml-provider/x"
        is_arn = provider.startswith("arn:")
        context["aws:federatedprovider"] = f"arn:{partition}:iam::{account}:{tail}" if is_arn else provider
        return {key: value for key, value in context.items() if self.random.random() < 0.6}

    def _free_value(self, key: str) -> str | tuple[str, ...]:
        if key in _VALUES:
            return self.random.choice(_VALUES[key])
        if key in ("aws:calledvia", "aws:tagkeys"):
            return tuple(self._near(key) for _ in range(self.random.randint(1, 2)))
        return self._near(key)

    def _texts(self, key: str) -> list[str]:
        """The values of a key's conditions and the listed principals, as they are and with wildcards replaced."""
        values = [value for each in self.conditions if each.key == key for value in each.values]
        filler = self.random.choice(("", "x", "1", "0123456789", "a/b"))
        filled = [re.sub(r"\$\{[^}]*\}", "x", value).replace("*", filler).replace("?", "1") for value in values]
        return values + filled + (self.listed if key.startswith("aws:principal") else [])

    def _near(self, key: str) -> str:
        """A printable text that the conditions on the key have, or one near it, or any."""
        text = self.random.choice([*self._texts(key), "x", "true", ""])
        near = (text, text, text, text[:-1], f"{text}x", f"x{text}", text.swapcase())
        return self.random.choice([each for each in near if each.isprintable()] or ["x"])

    def _pick(self, shape: re.Pattern[str], key: str, default: str) -> str:
        """A part of the key's values that has this form."""
        parts = [part for text in self._texts(key) for part in re.split(r"[:/]", text) if shape.fullmatch(part)]
        return self.random.choice([*parts, default])

    def _units(self) -> str:
        paths = [
            text.partition("/")[2] for key in ("aws:principalorgpaths", "aws:vpceorgpaths") for text in self._texts(key)
        ]
        return self.random.choice([*(path for path in paths if _UNITS.fullmatch(path)), "r-zz99/"])

    def _id(self, identity: Identity, *, but: str = "", prefix: str = "") -> str:
        """An id that the caller can have: one like an id in the policy, or a random one."""
        shape, form = _IDS[identity]
        fresh = prefix + form.format("".join(self.random.choice("0123456789") for _ in range(12)))
        excluded = self.excluded.get(identity, frozenset()) | {but}
        texts = [text for key in sorted(self.keys) for text in self._texts(key)] + self.listed
        parts = [part for text in texts for part in (text, *re.split(r"[:/]", text))]
        near = [part for part in parts if part.startswith(prefix) and shape.fullmatch(part) and part not in excluded]
        return self.random.choice(near) if near and self.random.random() < 0.6 else fresh

    def _address(self, version: int | None = None) -> str:
        """An address in a network of the policy, or beside it."""
        found = ["198.51.100.7", "10.0.0.5"]
        for network in self.networks:
            if version in (None, network.version):
                first, last = int(network.network_address), int(network.broadcast_address)
                make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
                inside = range(1 << network.max_prefixlen)
                found += [str(make(each)) for each in (first, last, first - 1, last + 1) if each in inside]
        return self.random.choice(found)

    def _public_address(self) -> str | None:
        """A public address; if the caller is a public one, outside every trusted network."""
        for _ in range(10):
            address = ipaddress.ip_address(self._address())
            trusted = self.question["test"] == "reachable" and any(address in network for network in self.trusted)
            spans = NOT_PUBLIC_V4 if address.version == 4 else (PUBLIC_V6,)
            inside = any(first <= int(address) <= last for first, last in spans)
            if inside == (address.version == 6) and not trusted:
                return str(address)
        return None


def _granted_actions(statements: Iterable[Statement]) -> list[str]:
    """The actions that an Allow covers, those that no reference lists included."""
    found = [action for statement in statements if statement.allow for action in covered_actions(statement)]
    return list(dict.fromkeys(found))


def _listed_texts(statements: Iterable[Statement]) -> list[str]:
    """What Principal and NotPrincipal elements list."""
    listed = [principal for statement in statements for principal in statement.principals.listed]
    return [text for each in listed for text in (each.arn, each.account, each.role, each.session)]


def _trusted_networks(conditions: Iterable[Condition]) -> list[Network]:
    """The networks that no public caller is in, whatever the effect of their statement."""
    found = [_networks(condition) for condition in conditions if condition.key == "aws:sourceip"]
    return [network for networks in found if is_trusted_network(networks) for network in networks]


def _is_free(key: str, action: str) -> bool:
    """Whether a caller may choose the value of the key in a request of the action."""
    if key.startswith("aws:requesttag/"):
        return carries_request_tags(action)
    if key == "aws:tagkeys":
        return carries_tag_keys(action)
    return key in _FREE or (key not in KEYS and not key.startswith("sts:"))


def _networks(condition: Condition) -> list[Network]:
    if condition.operator.type is not OperatorType.ADDRESS:
        return []
    networks = [read_network(value) for value in condition.values]
    return [network for network in networks if network is not None]
