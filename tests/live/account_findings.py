"""From what was found in each account and region to what is missing there. Pure.

One account without a recorder fails a whole organization rule or pack (NoAvailableConfigurationRecorderException):
https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
How a recorder is set up by the CLI:
https://docs.aws.amazon.com/config/latest/developerguide/gs-cli.html
"""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final

from tests.live.errors import Unknown
from tests.live.findings import Finding, Level, aws, compact, unchecked
from tests.live.landscape import Account, Landscape, Place, Recorder, SecurityHub
from tests.live.recording import COMPLIANCE, NEEDED, REPOSITORY, is_daily, mended, missing_types

UNKNOWN_BUCKET: Final = "NAME-OF-YOUR-BUCKET"
_LOST: Final = {
    REPOSITORY: "no change of a repository is evaluated",
    COMPLIANCE: "evaluations stay out of a resource's history",
}


def account_findings(landscape: Landscape) -> tuple[Finding, ...]:
    """Return what is to say of single accounts."""
    return tuple(
        chain(
            _unreached(landscape),
            _inactive(landscape),
            chain.from_iterable(_recorder(landscape, place) for place in landscape.places),
            chain.from_iterable(_security_hub(landscape, region) for region in landscape.regions),
        )
    )


def excluded_accounts(landscape: Landscape) -> tuple[str, ...]:
    """Return the accounts that would fail the deployment today: no recorder that records, or not ACTIVE."""
    without = {
        place.account
        for place in landscape.places
        if place.recorder is None or (isinstance(place.recorder, Recorder) and not place.recorder.recording)
    }
    return tuple(sorted(without | {account.identifier for account in _not_active(landscape)}))


def unseen_accounts(landscape: Landscape) -> tuple[str, ...]:
    """Return the accounts of which nobody knows whether they would fail the deployment."""
    refused = {place.account for place in landscape.places if isinstance(place.recorder, Unknown)}
    return tuple(sorted((refused | landscape.unreached.keys()).difference(excluded_accounts(landscape))))


def security_hub_administrators(landscape: Landscape, region: str) -> tuple[str, ...]:
    """Return the Security Hub administrators that the accounts name in a region."""
    hubs = (place.security_hub for place in landscape.places if place.region == region)
    named = {hub.administrator for hub in hubs if isinstance(hub, SecurityHub)}
    return tuple(sorted(named - {""}))


def _not_active(landscape: Landscape) -> tuple[Account, ...]:
    accounts = () if isinstance(landscape.accounts, Unknown) else landscape.accounts
    return tuple(account for account in accounts if account.state != "ACTIVE")


def _unreached(landscape: Landscape) -> Iterator[Finding]:
    for account, unknown in landscape.unreached.items():
        yield Finding(
            level=Level.UNCHECKED,
            what=f"not looked at: {unknown.why}",
            where=_titled(landscape, account),
            note=f"Name a role other than {landscape.role} that account {landscape.caller.account} may assume there "
            "(make preflight ROLE=…), or put the account into ExcludedAccounts.",
        )


def _inactive(landscape: Landscape) -> Iterator[Finding]:
    for account in _not_active(landscape):
        what = f"the account is {account.state}: put it into ExcludedAccounts"
        yield Finding(level=Level.HINT, what=what, where=_titled(landscape, account.identifier))


def _recorder(landscape: Landscape, place: Place) -> Iterator[Finding]:
    where = f"{_titled(landscape, place.account)}, {place.region}"
    recorder = place.recorder
    if isinstance(recorder, Unknown):
        yield unchecked("not looked at: the configuration recorder", recorder, where)
        return
    if recorder is None:
        yield _no_recorder(landscape, place, where)
        return
    missing, daily = missing_types(recorder.settings), is_daily(recorder.settings)
    if missing:
        lost = "; ".join(_LOST[name] for name in missing)
        yield Finding(
            level=Level.MISSING,
            what=f"the recorder leaves out {' and '.join(missing)}: {lost}",
            where=where,
            commands=(_put(recorder, place.region),),
            note="The command also ends the DAILY recording of repositories." if daily else "",
        )
    elif daily:
        yield Finding(
            level=Level.HINT,
            what="repositories are recorded DAILY: a change is evaluated up to 24 hours later",
            where=where,
            commands=(_put(recorder, place.region),),
        )
    if not recorder.recording:
        start = ("configservice", "start-configuration-recorder", "--region", place.region)
        yield Finding(
            level=Level.MISSING,
            what="the configuration recorder is off",
            where=where,
            commands=(*_channel(landscape, place), aws(*start, "--configuration-recorder-name", recorder.name)),
            note=_bucket_note(landscape, place),
        )


def _no_recorder(landscape: Landscape, place: Place, where: str) -> Finding:
    region = ("--region", place.region)
    path = "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    role = f"arn:{landscape.caller.partition}:iam::{place.account}:{path}"
    put = ("configservice", "put-configuration-recorder", *region, "--configuration-recorder")
    start = ("configservice", "start-configuration-recorder", *region)
    return Finding(
        level=Level.MISSING,
        what="there is no configuration recorder",
        where=where,
        commands=(
            aws("iam", "create-service-linked-role", "--aws-service-name", "config.amazonaws.com"),
            aws(*put, f"name=default,roleARN={role}", "--recording-group", f"resourceTypes={','.join(NEEDED)}"),
            *_channel(landscape, place),
            aws(*start, "--configuration-recorder-name", "default"),
        ),
        note=f"The first command fails where the role is there already. {_bucket_note(landscape, place)}".strip(),
    )


def _put(recorder: Recorder, region: str) -> str:
    settings = mended(recorder.settings)
    group = settings.pop("recordingGroup")
    put = ("configservice", "put-configuration-recorder", "--region", region)
    return aws(*put, "--configuration-recorder", compact(settings), "--recording-group", compact(group))


def _channel(landscape: Landscape, place: Place) -> tuple[str, ...]:
    """Return the command that makes a delivery channel, without which no recorder starts."""
    if place.bucket is not None:
        return ()
    put = ("configservice", "put-delivery-channel", "--region", place.region, "--delivery-channel")
    return (aws(*put, f"name=default,s3BucketName={_bucket(landscape)}"),)


def _bucket(landscape: Landscape) -> str:
    """Return the bucket that most accounts of the organization deliver to."""
    used = Counter(place.bucket for place in landscape.places if isinstance(place.bucket, str))
    return used.most_common(1)[0][0] if used else UNKNOWN_BUCKET


def _bucket_note(landscape: Landscape, place: Place) -> str:
    if isinstance(place.bucket, Unknown):
        return f"Whether there is a delivery channel could not be checked: {place.bucket.why}"
    if place.bucket is not None:
        return ""
    bucket = _bucket(landscape)
    if bucket == UNKNOWN_BUCKET:
        return f"In place of {UNKNOWN_BUCKET}: a bucket that AWS Config of this account may write to."
    return f"The policy of the bucket {bucket}, which other accounts use, must let AWS Config of this account write."


def _security_hub(landscape: Landscape, region: str) -> Iterator[Finding]:
    hubs = {place.account: place.security_hub for place in landscape.places if place.region == region}
    for account, hub in hubs.items():
        if isinstance(hub, Unknown):
            yield unchecked("Security Hub", hub, f"{_titled(landscape, account)}, {region}", level=Level.HINT)
    known = {account: hub for account, hub in hubs.items() if isinstance(hub, SecurityHub)}
    off = [account for account, hub in known.items() if not hub.enabled]
    if off:
        yield Finding(
            level=Level.HINT,
            what=f"Security Hub is off in {len(off)} of {len(known)} accounts: no findings from {', '.join(off)}",
            where=f"each of these accounts, {region}",
            commands=(aws("securityhub", "enable-security-hub", "--region", region, "--no-enable-default-standards"),),
        )
    if len(off) < len(known) and not security_hub_administrators(landscape, region):
        none, unless = "none of the accounts looked at", "unless another does, "
        if _holds_all(landscape, known):
            none, unless = "no account", ""
        needed = "deploy/security-hub.yaml belongs into every account"
        yield Finding(
            level=Level.HINT,
            what=f"{none} names a Security Hub administrator: {unless}{needed}",
            where=region,
        )


def _holds_all(landscape: Landscape, known: Collection[str]) -> bool:
    """Tell whether these are all accounts that could have Security Hub."""
    accounts = landscape.accounts
    if isinstance(accounts, Unknown):
        return False
    return all(account.identifier in known for account in accounts if account.state == "ACTIVE")


def _titled(landscape: Landscape, identifier: str) -> str:
    accounts = () if isinstance(landscape.accounts, Unknown) else landscape.accounts
    name = next((account.name for account in accounts if account.identifier == identifier), "")
    return f"account {identifier} ({name})" if name else f"account {identifier}"
