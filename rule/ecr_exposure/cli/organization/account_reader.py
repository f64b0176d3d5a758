"""The accounts of an organization in all Regions: the caller's own directly, the others by a role, side by side.

One call for each account and Region shows its recorder. What else there is, the settings of the recorder and the
delivery channel, takes three calls more, so in a large organization it is read where it matters most.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import (
    AWS_ERRORS,
    CredentialsExpiredError,
    Unknown,
    error_text,
    has_expired,
    may_pass,
    required,
)
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.organization.config_reader import (
    read_delivery_channel,
    read_delivery_error,
    read_recorder_settings,
    read_recorder_status,
)
from ecr_exposure.cli.organization.inventory import AccountRegion, DeliveryChannel, Recorder, Unread
from ecr_exposure.cli.organization.role_credentials import MayPassError, RoleCredentials, RoleSession
from ecr_exposure.cli.organization.saved_reading import NOTHING_SAVED, Pair, SavedReading
from ecr_exposure.cli.organization.shared_clients import SharedClients
from ecr_exposure.cli.region_options import ENABLED, region_statuses
from ecr_exposure.cli.workers import Workers

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_iam import IAMClient

_CALLS_AT_ONCE: Final = 32
MOST_PAIRS: Final = 5_000
"""Up to so many pairs of an account and a Region, everything is read everywhere."""
_MOST_OF_FAILING: Final = 1_000
# After so many failed connections in a row, without a single response, a Region is given up.
_FAILED_CONNECTIONS: Final = 3
_MULTI_ACCOUNT_ROLE: Final = "AWSServiceRoleForConfigMultiAccountSetup"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html: a path, if any, and a name
_POLICY: Final = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,128}", re.ASCII)
_Value = TypeVar("_Value")
Channel = DeliveryChannel | Unknown | Unread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    hub: str
    home: str
    """The home Region, in which everything is read."""
    management: str | None
    """The management account, if its service-linked role is to be read."""
    caller: Caller
    opt_in: frozenset[str] | Unknown
    """The Regions that an account must enable."""
    boundary: str
    """The name of the permissions boundary; empty without one."""
    thorough: bool
    saved: SavedReading = NOTHING_SAVED

    @property
    def reads_everything(self) -> bool:
        """Whether settings and delivery channels are read in every account and Region."""
        return self.thorough or len(self.accounts) * len(self.regions) <= MOST_PAIRS

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """The Regions in which each account is to be read: those of which the file does not know everything."""
        return {
            account: tuple(region for region in self.regions if not self._is_known(account, region))
            for account in self.accounts
        }

    def _is_known(self, account: str, region: str) -> bool:
        return self.saved.knows(account, region, everything=self.is_read_completely(account, region))

    def is_read_completely(self, account: str, region: str) -> bool:
        """Return whether settings and delivery channel are read there in any case."""
        return self.reads_everything or region == self.home or account == self.hub


@dataclass(slots=True, kw_only=True)
class ReadAccounts:
    """What was read in all accounts so far."""

    pairs: dict[Pair, AccountRegion] = field(default_factory=dict)
    boundaries: dict[str, bool | Unknown] = field(default_factory=dict)
    """Whether the permissions boundary exists, by account; empty without a valid name."""
    role_used: dict[str, str] = field(default_factory=dict)
    unreached: dict[str, Unknown] = field(default_factory=dict)
    """Accounts in which none of the roles could be assumed, and of which the file does not know everything."""
    service_linked_role: bool | Unknown | None = None
    """Only read in the management account."""

    def in_order(self, plan: Plan) -> tuple[AccountRegion, ...]:
        """Return what was read by account and Region."""
        order = ((account, region) for account in plan.accounts for region in plan.regions)
        return tuple(self.pairs[pair] for pair in order if pair in self.pairs)


class AccountReader:
    """Reads the accounts of a plan; ``found`` has what was read, also after an interrupt."""

    def __init__(
        self, clients: SharedClients, roles: RoleCredentials, plan: Plan, advance: Callable[[int], None]
    ) -> None:
        """``advance`` is called with the number of pairs, of an account and a Region, that were read."""
        self._clients, self._roles, self._plan, self._advance = clients, roles, plan, advance
        self._workers = Workers(_CALLS_AT_ONCE)
        self._silence = _Silence()
        self._extra = _MOST_OF_FAILING
        self._lock = Lock()
        used = plan.saved.role_used.items()
        others = frozenset(plan.accounts) - {plan.caller.account}
        self.found = ReadAccounts(role_used={account: role for account, role in used if account in others})

    def read(self) -> None:
        """Read all accounts; raises CredentialsExpiredError if the operator's credentials expire."""
        plan, saved = self._plan, self._plan.saved
        missing = plan.missing
        for account in plan.accounts:
            for region in plan.regions:
                if (account, region) in saved.pairs:
                    self.found.pairs[account, region] = saved.pairs[account, region]
        self._advance(len(plan.accounts) * len(plan.regions) - sum(map(len, missing.values())))
        self.found.boundaries.update(self._saved_boundaries())
        if plan.management in plan.accounts:
            self.found.service_linked_role = saved.service_linked_role
        for account in plan.accounts:
            if missing[account] or self._lacks_more(account):
                self._workers.add_last(partial(self._open, account, missing[account]))
        try:
            self._workers.run()
        except BaseException:
            self._clients.stop()
            raise

    def _saved_boundaries(self) -> dict[str, bool | Unknown]:
        saved = self._plan.saved
        if saved.boundary != self._plan.boundary:
            return {}
        return {account: saved.boundaries[account] for account in self._plan.accounts if account in saved.boundaries}

    def _lacks_more(self, account: str) -> bool:
        """Return whether something of an account is not known that is no matter of a Region."""
        boundary = bool(_POLICY.fullmatch(self._plan.boundary)) and account not in self.found.boundaries
        return boundary or (account == self._plan.management and self.found.service_linked_role is None)

    def _open(self, account: str, regions: tuple[str, ...], *, is_last: bool = False) -> None:
        """Assume the role, read what is no matter of a Region, and let the Regions be read next."""
        try:
            session = self._roles.open(account)
        except MayPassError as error:
            if not is_last:
                self._workers.add_last(partial(self._open, account, regions, is_last=True))
                return
            session = Unknown(str(error))
        if isinstance(session, Unknown):
            self._cannot_read(account, regions, session)
            return
        if session.role:
            self.found.role_used[account] = session.role
        statuses: Mapping[str, str] | Unknown = {}
        with self._clients.signing_with(session.credentials):
            facts = _Facts()
            if self._must_ask and regions:
                statuses = facts.read(lambda: region_statuses(self._clients.account))
            if self._lacks_more(account):
                self._read_more(account, facts)
        self._workers.add_next(
            partial(self._read, account, region, enabled=self._enabled(region, statuses)) for region in regions
        )

    def _cannot_read(self, account: str, regions: tuple[str, ...], reason: Unknown) -> None:
        """Note why an account is not read; what the file knows of it, although not everything, remains."""
        elsewhere = self._plan.saved.not_reached.get(account)
        if elsewhere:
            reason = Unknown(f"{reason.reason}; the run that made the file could not see it either: {elsewhere}")
        if not regions or any((account, region) not in self.found.pairs for region in regions):
            self.found.unreached[account] = reason
        self._advance(len(regions))

    def _read_more(self, account: str, facts: "_Facts") -> None:
        plan = self._plan
        if _POLICY.fullmatch(plan.boundary) and account not in self.found.boundaries:
            arn = f"arn:{plan.caller.partition}:iam::{account}:policy/{plan.boundary}"
            self.found.boundaries[account] = facts.read(lambda: _policy_exists(self._clients.iam, arn))
        if account == plan.management and self.found.service_linked_role is None:
            self.found.service_linked_role = facts.read(lambda: _has_multi_account_role(self._clients.iam))

    @property
    def _must_ask(self) -> bool:
        """Whether an account may not have enabled one of the Regions."""
        opt_in = self._plan.opt_in
        return isinstance(opt_in, Unknown) or not opt_in.isdisjoint(self._plan.regions)

    def _enabled(self, region: str, statuses: Mapping[str, str] | Unknown) -> bool | Unknown:
        opt_in = self._plan.opt_in
        if not isinstance(opt_in, Unknown) and region not in opt_in:
            return True
        return statuses if isinstance(statuses, Unknown) else statuses.get(region) in ENABLED

    def _read(self, account: str, region: str, *, enabled: bool | Unknown, is_last: bool = False) -> None:
        """Read one account in one Region; what failed and may pass is read once more at the end."""
        facts = _Facts()
        silent = self._silence.reason(region)
        recorder: Recorder | Unknown | None = silent
        channel: Channel = Unread.UNREAD if silent else None
        if not silent and enabled is not False:
            recorder, channel = self._read_region(account, region, facts)
            self._silence.note(region, facts)
        found = AccountRegion(account=account, region=region, enabled=enabled, recorder=recorder, channel=channel)
        with self._lock:
            self.found.pairs[account, region] = found
        if facts.may_pass and not is_last:
            self._workers.add_last(partial(self._read, account, region, enabled=enabled, is_last=True))
        else:
            self._advance(1)

    def _read_region(self, account: str, region: str, facts: "_Facts") -> tuple[Recorder | Unknown | None, Channel]:
        """Read, and once more with new credentials if those of the role have expired."""
        session = self._session(account)
        if isinstance(session, Unknown):
            return session, Unread.UNREAD
        try:
            return self._facts_of(account, region, facts, session.credentials)
        except CredentialsExpiredError as error:
            if session.role is None:
                raise
            reason = Unknown(str(error))
        renewed = self._session(account, again=True)
        if isinstance(renewed, Unknown):
            return reason, Unread.UNREAD
        return self._facts_of(account, region, facts, renewed.credentials)

    def _session(self, account: str, *, again: bool = False) -> RoleSession | Unknown:
        try:
            return self._roles.open(account, again=again)
        except MayPassError as error:
            return Unknown(str(error))

    def _facts_of(
        self, account: str, region: str, facts: "_Facts", credentials: Credentials | None
    ) -> tuple[Recorder | Unknown | None, Channel]:
        with self._clients.signing_with(credentials):
            client = self._clients.config(region)
            recorder = facts.read(lambda: read_recorder_status(client))
            if isinstance(recorder, Unknown) or not self._reads_completely(account, region, recorder):
                return recorder, Unread.UNREAD
            channel = _channel(client, facts)
            if recorder is None:
                return None, channel
            settings = facts.read(lambda: read_recorder_settings(client, recorder.name))
            return replace(recorder, settings=settings), channel

    def _reads_completely(self, account: str, region: str, recorder: Recorder | None) -> bool:
        """Return whether the settings and the delivery channel are read, as also of the first recorders that fail."""
        if self._plan.is_read_completely(account, region):
            return True
        if recorder is None or recorder.is_fine:
            return False
        with self._lock:
            self._extra -= 1
            return self._extra >= 0


class _Facts:
    """Reads facts, and notes how the calls failed."""

    def __init__(self) -> None:
        self.may_pass = False
        """Whether a call failed that may succeed later."""
        self.responded = False
        """Whether a response of AWS arrived."""

    def read(self, read: Callable[[], _Value]) -> _Value | Unknown:
        """Return a fact, or why it could not be read; raises CredentialsExpiredError."""
        try:
            value = read()
        except AWS_ERRORS as error:
            if has_expired(error):
                raise CredentialsExpiredError(error_text(error)) from None
            self.may_pass = self.may_pass or may_pass(error)
            self.responded = self.responded or isinstance(error, ClientError)
            self.reason = Unknown(error_text(error))
            return self.reason
        self.responded = True
        return value


class _Silence:
    """Which Regions do not respond: each attempt takes a minute, so not every account is tried."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()
        self._responded: set[str] = set()
        self._reasons: dict[str, Unknown] = {}

    def note(self, region: str, facts: _Facts) -> None:
        """Note whether a Region responded."""
        if facts.responded:
            self._responded.add(region)
            return
        self._failed[region] += 1
        self._reasons[region] = facts.reason

    def reason(self, region: str) -> Unknown | None:
        """Return why a Region is not tried any more."""
        if region in self._responded or self._failed[region] < _FAILED_CONNECTIONS:
            return None
        return self._reasons[region]


def _channel(client: "ConfigServiceClient", facts: _Facts) -> DeliveryChannel | Unknown | None:
    channel = facts.read(lambda: read_delivery_channel(client))
    if not isinstance(channel, DeliveryChannel):
        return channel
    return replace(channel, last_error=facts.read(lambda: read_delivery_error(client)))


def _has_multi_account_role(client: "IAMClient") -> bool:
    """Return whether AWS Config may deploy organization rules to this account.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
    """
    try:
        required(client.get_role(RoleName=_MULTI_ACCOUNT_ROLE), lambda response: response["Role"])
    except client.exceptions.NoSuchEntityException:
        return False
    return True


def _policy_exists(client: "IAMClient", arn: str) -> bool:
    """Return whether a customer managed policy exists.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
    """
    try:
        required(client.get_policy(PolicyArn=arn), lambda response: response["Policy"])
    except client.exceptions.NoSuchEntityException:
        return False
    return True
