"""What ``preflight --json`` writes about the accounts, and how ``--from`` and ``--resume`` read it.

A person may have changed such a file, so every member is checked.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.inventory import (
    AccountRegion,
    DeliveryChannel,
    Inventory,
    Organization,
    Recorder,
    SecurityHub,
    Unread,
)
from ecr_exposure.cli.organization.saved_reading import Pair, SavedReading
from ecr_exposure.cli.output import SCHEMA
from ecr_exposure.identifiers import ACCOUNT_ID

COMMAND: Final = "preflight"
# A clock may be a little behind the one that dated the file.
_FUTURE: Final = timedelta(minutes=5)
_ONE_DAY: Final = timedelta(days=1)
_UNKNOWN, _NOT_READ = "unknown", "not_read"
_KINDS: Final = {bool: "true or false", str: "text"}
_Value = TypeVar("_Value", bool, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a file must be about."""

    organization: str | None
    """None if it is not known."""
    account: str
    """The caller's."""
    regions: frozenset[str]
    """All that boto3 knows in the partition."""
    now: datetime


def saved_members(inventory: Inventory, boundary: str, made_at: datetime) -> dict[str, Any]:
    """Return the members of the document that ``read_saved`` reads, as JSON values.

    boundary: the value of PermissionsBoundaryName. made_at: when the oldest of the facts was read.
    """
    organization = inventory.organization
    accounts: dict[str, dict[str, Any]] = {}
    for each in inventory.account_regions:
        accounts.setdefault(each.account, {})[each.region] = {
            "enabled": _written(each.enabled),
            "recorder": _written(each.recorder, _recorder_members),
            "delivery_channel": _written(each.channel, _channel_members),
        }
    return {
        "made_at": made_at.isoformat(),
        "organization": organization.identifier if isinstance(organization, Organization) else None,
        "hub": inventory.hub,
        "complete": not inventory.cut_short,
        "thorough": inventory.thorough,
        "account_regions": accounts,
        "not_reached": {account: reason.reason for account, reason in inventory.unreached.items()},
        "roles": dict(inventory.role_used),
        "permissions_boundary": boundary,
        "permissions_boundaries": {account: _written(each) for account, each in inventory.boundaries.items()},
        "service_linked_role": _written(inventory.service_linked_role),
        "security_hub": {
            region: _written(hub, _security_hub_members) for region, hub in inventory.security_hub.items()
        },
    }


def read_saved(path: Path, option: str, expected: Expected, oldest: timedelta) -> SavedReading:
    """Read a file; CannotRunError if it is no such document, not about this organization, or older than ``oldest``."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRunError(f"{option}: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotRunError(f"{option}: {path} is not the output of preflight --json: {error}") from None
    try:
        return _Reader(document).read(expected, oldest)
    except _WrongFileError as error:
        raise CannotRunError(f"{option}: {path}: {error}") from None


class _WrongFileError(Exception):
    """The document cannot be used, for this reason."""


class _Reader:
    """Reads a document; every member is checked, because a person may have changed the file."""

    def __init__(self, document: object) -> None:
        self._document = _mapping(document, "the document")

    def read(self, expected: Expected, oldest: timedelta) -> SavedReading:
        document = self._document
        if (document.get("schema"), document.get("command")) != (SCHEMA, COMMAND):
            raise _WrongFileError(f"this is no document of schema {SCHEMA} of ecr-exposure {COMMAND} --json")
        self._check_organization(expected)
        linked = document.get("service_linked_role")
        return SavedReading(
            seen_at=self._date(expected.now, oldest),
            pairs=self._pairs(expected.regions),
            boundary=_text(document.get("permissions_boundary", ""), "permissions_boundary"),
            boundaries=_known(document.get("permissions_boundaries", {}), "permissions_boundaries", bool),
            role_used=_known(document.get("roles", {}), "roles", str),
            service_linked_role=None if linked is None or _unknown(linked) else _boolean(linked, "service_linked_role"),
            administrators=_known(self._administrators(), "security_hub", str),
            not_reached=self._not_reached(expected),
        )

    def _not_reached(self, expected: Expected) -> dict[str, str]:
        """Return what this account cannot have seen itself."""
        found = _known(self._document.get("not_reached", {}), "not_reached", str)
        return {} if self._document.get("account") == expected.account else found

    def _administrators(self) -> dict[str, Any]:
        hubs = _mapping(self._document.get("security_hub", {}), "security_hub")
        known = {region: _mapping(hub, f"security_hub.{region}") for region, hub in hubs.items() if not _unknown(hub)}
        return {region: hub.get("administrator") for region, hub in known.items()}

    def _check_organization(self, expected: Expected) -> None:
        made_in, account = self._document.get("organization"), self._document.get("account")
        if made_in is None and expected.organization is None and account == expected.account:
            return
        if made_in != expected.organization or made_in is None:
            here = f"organization {expected.organization}" if expected.organization else f"account {expected.account}"
            there = f"organization {made_in}" if made_in else f"account {account}"
            raise _WrongFileError(f"it is about {there}, and this run about {here}")

    def _date(self, now: datetime, oldest: timedelta) -> datetime:
        text = _text(self._document.get("made_at"), "made_at")
        try:
            made_at = datetime.fromisoformat(text)
            age = now - made_at
        except (TypeError, ValueError):
            raise _WrongFileError(f"made_at: {text!r} is no date with a time zone") from None
        if age < -_FUTURE:
            raise _WrongFileError(f"made_at: {text} is in the future")
        if age > oldest:
            hours = int(oldest.total_seconds() // 3600)
            limit = f"{oldest.days} days" if oldest > _ONE_DAY else f"{hours} hours"
            raise _WrongFileError(f"it was made at {text}, and may be {limit} old at most")
        return made_at

    def _pairs(self, regions: frozenset[str]) -> dict[Pair, AccountRegion]:
        found = {}
        for account, by_region in _mapping(self._document.get("account_regions"), "account_regions").items():
            if not ACCOUNT_ID.fullmatch(account):
                raise _WrongFileError(f"account_regions: {account!r} is not an account ID of 12 digits")
            for region, members in _mapping(by_region, f"account_regions.{account}").items():
                place = f"account_regions.{account}.{region}"
                if region not in regions:
                    raise _WrongFileError(f"{place}: {region!r} is not a Region that boto3 knows")
                found[account, region] = _pair(account, region, _mapping(members, place), place)
        return found


def _pair(account: str, region: str, members: Mapping[str, Any], place: str) -> AccountRegion:
    def recorder(found: Mapping[str, Any], where: str) -> Recorder:
        return Recorder(
            name=_text(found.get("name"), f"{where}.name"),
            recording=_boolean(found.get("recording"), f"{where}.recording"),
            last_status=_text(found.get("last_status"), f"{where}.last_status"),
            last_error=_text(found.get("last_error"), f"{where}.last_error"),
            settings=_settings(found.get("settings"), f"{where}.settings"),
        )

    def channel(found: Mapping[str, Any], where: str) -> DeliveryChannel:
        error = found.get("last_error")
        last_error = error if isinstance(error, str) else _unknown(error)
        if last_error is None:
            raise _WrongFileError(f"{where}.last_error: {error!r} is not text")
        return DeliveryChannel(bucket=_text(found.get("bucket"), f"{where}.bucket"), last_error=last_error)

    enabled = members.get("enabled")
    found = _read(members.get("recorder"), f"{place}.recorder", recorder)
    return AccountRegion(
        account=account,
        region=region,
        enabled=_unknown(enabled) or _boolean(enabled, f"{place}.enabled"),
        recorder=Unknown(Unread.UNREAD.value) if isinstance(found, Unread) else found,
        channel=_read(members.get("delivery_channel"), f"{place}.delivery_channel", channel),
    )


def _read(value: object, place: str, read: Callable[[Mapping[str, Any], str], Any]) -> Any:  # noqa: ANN401 - or Unknown, Unread, None
    if value is None:
        return None
    if value == {_NOT_READ: True}:
        return Unread.UNREAD
    return _unknown(value) or read(_mapping(value, place), place)


def _settings(value: object, place: str) -> Mapping[str, Any] | Unknown | Unread:
    """Return a recorder's settings; those members that preflight uses are checked."""
    settings: Mapping[str, Any] | Unknown | Unread | None = _read(value, place, lambda each, _: each)
    if settings is None:
        raise _WrongFileError(f"{place}: an object is expected")
    if isinstance(settings, Mapping):
        for member in ("recordingGroup", "recordingMode"):
            _mapping(settings.get(member) or {}, f"{place}.{member}")
        mode = settings.get("recordingMode") or {}
        overrides = mode.get("recordingModeOverrides") or []
        if not isinstance(overrides, list):
            raise _WrongFileError(f"{place}.recordingMode.recordingModeOverrides: a list is expected")
        for override in overrides:
            where = f"{place}.recordingMode.recordingModeOverrides"
            _text(_mapping(override, where).get("recordingFrequency"), f"{where}.recordingFrequency")
            if not isinstance(override.get("resourceTypes"), list):
                raise _WrongFileError(f"{where}.resourceTypes: a list is expected")
    return settings


def _unknown(value: object) -> Unknown | None:
    """Return an Unknown that was written; None for any other value."""
    if isinstance(value, dict) and value.keys() == {_UNKNOWN} and isinstance(value[_UNKNOWN], str):
        return Unknown(value[_UNKNOWN])
    return None


def _known(value: object, place: str, kind: type[_Value]) -> dict[str, _Value]:
    """Return the values of a mapping that are not Unknown."""
    known: dict[str, _Value] = {}
    for name, each in _mapping(value, place).items():
        if _unknown(each) is None:
            if not isinstance(each, kind):
                raise _WrongFileError(f"{place}.{name}: {each!r} is not {_KINDS[kind]}")
            known[name] = each
    return known


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _WrongFileError(f"{place}: an object is expected")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _WrongFileError(f"{place}: {value!r} is not text")
    return value


def _boolean(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise _WrongFileError(f"{place}: {value!r} is not true or false")
    return value


def _written(value: object, members: Callable[[Any], dict[str, Any]] | None = None) -> object:
    """Return a JSON value; ``members`` returns those of a value that is neither Unknown nor Unread."""
    if isinstance(value, Unknown):
        return {_UNKNOWN: value.reason}
    if isinstance(value, Unread):
        return {_NOT_READ: True}
    return members(value) if members and value is not None else value


def _recorder_members(recorder: Recorder) -> dict[str, Any]:
    return {
        "name": recorder.name,
        "recording": recorder.recording,
        "last_status": recorder.last_status,
        "last_error": recorder.last_error,
        "settings": _written(recorder.settings),
    }


def _channel_members(channel: DeliveryChannel) -> dict[str, Any]:
    return {"bucket": channel.bucket, "last_error": _written(channel.last_error)}


def _security_hub_members(hub: SecurityHub) -> dict[str, Any]:
    return {"enabled": hub.enabled, "administrator": _written(hub.administrator)}
