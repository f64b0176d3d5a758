"""Configuration recorders: what they record, and the commands by which they record what the rule needs. Pure.

Settings are a ConfigurationRecorder as DescribeConfigurationRecorders returns it.
https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingMode.html
How the AWS CLI sets up a recorder:
https://docs.aws.amazon.com/config/latest/developerguide/gs-cli.html
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

REPOSITORY: Final = "AWS::ECR::Repository"
COMPLIANCE: Final = "AWS::Config::ResourceCompliance"
NEEDED: Final = (REPOSITORY, COMPLIANCE)

_ALL: Final = "ALL_SUPPORTED_RESOURCE_TYPES"
_INCLUSION: Final = "INCLUSION_BY_RESOURCE_TYPES"
_EXCLUSION: Final = "EXCLUSION_BY_RESOURCE_TYPES"
_SERVICE_LINKED_ROLE: Final = "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"

# The members of a recorder that PutConfigurationRecorder takes and ``completed`` keeps, and those that AWS sets itself.
_KEPT: Final = frozenset({"name", "roleARN", "recordingGroup", "recordingMode", "arn", "recordingScope"})
_KEPT_OF_GROUP: Final = frozenset(
    "allSupported includeGlobalResourceTypes resourceTypes exclusionByResourceTypes recordingStrategy".split()
)
_KEPT_OF_MODE: Final = frozenset({"recordingFrequency", "recordingModeOverrides"})

Settings = Mapping[str, Any]


def missing_types(settings: Settings) -> tuple[str, ...]:
    """Return the resource types that the rule needs and the recorder does not record."""
    group = settings.get("recordingGroup") or {}
    match _strategy(group):
        case "ALL_SUPPORTED_RESOURCE_TYPES":
            return ()
        case "EXCLUSION_BY_RESOURCE_TYPES":
            return tuple(name for name in NEEDED if name in _excluded(group))
        case _:
            return tuple(name for name in NEEDED if name not in group.get("resourceTypes", ()))


def is_daily(settings: Settings) -> bool:
    """Return whether repositories are recorded once a day; an override has precedence over the default."""
    mode = settings.get("recordingMode") or {}
    for override in mode.get("recordingModeOverrides", ()):
        if REPOSITORY in override["resourceTypes"]:
            return bool(override["recordingFrequency"] == "DAILY")
    return bool(mode.get("recordingFrequency") == "DAILY")


def lost_settings(settings: Settings) -> tuple[str, ...]:
    """Return the members that ``completed`` would not keep, such as those of a connector to another cloud provider.

    AWS accepts one override of the recording mode at most.
    """
    group, mode = settings.get("recordingGroup") or {}, settings.get("recordingMode") or {}
    members = {
        "": (settings, _KEPT),
        "recordingGroup.": (group, _KEPT_OF_GROUP),
        "recordingMode.": (mode, _KEPT_OF_MODE),
    }
    lost = [
        f"{prefix}{name}"
        for prefix, (found, kept) in members.items()
        for name, value in found.items()
        if name not in kept and value not in ("", None, [], {})
    ]
    overrides = mode.get("recordingModeOverrides") or ()
    return (*sorted(lost), *(["recordingMode.recordingModeOverrides"] if len(overrides) > 1 else []))


def completed(settings: Settings) -> dict[str, Any]:
    """Return settings that record the needed types, repositories continuously, and all else as before.

    PutConfigurationRecorder replaces the group and the mode, so both are complete.
    """
    kept = {name: settings[name] for name in ("name", "roleARN") if name in settings}
    mode = settings.get("recordingMode")
    if mode:
        kept["recordingMode"] = _continuous(mode) if is_daily(settings) else _unchanged(mode)
    return kept | {"recordingGroup": _complete_group(settings.get("recordingGroup") or {})}


def create_commands(partition: str, account: str, region: str) -> tuple[str, str]:
    """Return the commands that create AWS Config's service-linked role and a recorder of the needed types."""
    recorder = f"name=default,roleARN=arn:{partition}:iam::{account}:{_SERVICE_LINKED_ROLE}"
    group = f"resourceTypes={','.join(NEEDED)}"
    put = ("configservice", "put-configuration-recorder", "--region", region)
    return (
        aws_command("iam", "create-service-linked-role", "--aws-service-name", "config.amazonaws.com"),
        aws_command(*put, "--configuration-recorder", recorder, "--recording-group", group),
    )


def complete_command(settings: Settings, region: str) -> str:
    """Return the command that completes a recorder's settings."""
    recorder = completed(settings)
    group = recorder.pop("recordingGroup")
    put = ("configservice", "put-configuration-recorder", "--region", region)
    return aws_command(
        *put, "--configuration-recorder", compact_json(recorder), "--recording-group", compact_json(group)
    )


def start_command(name: str, region: str) -> str:
    """Return the command that starts a recorder."""
    start = ("configservice", "start-configuration-recorder", "--region", region)
    return aws_command(*start, "--configuration-recorder-name", name)


def delivery_channel_command(bucket: str, region: str) -> str:
    """Return the command that creates a delivery channel, without which no recorder starts."""
    put = ("configservice", "put-delivery-channel", "--region", region, "--delivery-channel")
    return aws_command(*put, f"name=default,s3BucketName={bucket}")


def aws_command(*arguments: str) -> str:
    """Return a command line of the AWS CLI, quoted for a shell."""
    return shlex.join(("aws", *arguments))


def compact_json(value: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def _strategy(group: Settings) -> str:
    """Return the recording strategy; recorders from before there were strategies have allSupported or a list."""
    named = (group.get("recordingStrategy") or {}).get("useOnly")
    if named:
        return str(named)
    if _excluded(group):
        return _EXCLUSION
    return _ALL if group.get("allSupported", not group.get("resourceTypes")) else _INCLUSION


def _excluded(group: Settings) -> list[str]:
    return list((group.get("exclusionByResourceTypes") or {}).get("resourceTypes", ()))


def _complete_group(group: Settings) -> dict[str, Any]:
    """Return the recording group with the needed types, and only with the members that its strategy uses."""
    strategy = _strategy(group)
    if strategy == _INCLUSION:
        types = [*group.get("resourceTypes", ())]
        return {"resourceTypes": [*types, *_without(NEEDED, types)], "recordingStrategy": {"useOnly": strategy}}
    excluded = _without(_excluded(group), NEEDED)
    if strategy == _EXCLUSION and excluded:
        return {"exclusionByResourceTypes": {"resourceTypes": excluded}, "recordingStrategy": {"useOnly": strategy}}
    # Exclusion records the global IAM types unless it names them; with nothing excluded this is the same.
    everything = strategy == _EXCLUSION or bool(group.get("includeGlobalResourceTypes"))
    return {
        "allSupported": True,
        "includeGlobalResourceTypes": everything,
        "recordingStrategy": {"useOnly": _ALL},
    }


def _continuous(mode: Settings) -> dict[str, Any]:
    """Return the recording mode with repositories CONTINUOUS; AWS accepts one override at most."""
    (override,) = mode.get("recordingModeOverrides") or ({"resourceTypes": [], "recordingFrequency": "CONTINUOUS"},)
    types = list(override["resourceTypes"])
    if override["recordingFrequency"] == "CONTINUOUS":
        types.append(REPOSITORY)
    elif mode["recordingFrequency"] == "CONTINUOUS":
        types.remove(REPOSITORY)
    else:  # a DAILY override of a DAILY default changes nothing, so it can be replaced
        override, types = {"recordingFrequency": "CONTINUOUS"}, [REPOSITORY]
    return _mode(mode["recordingFrequency"], override, types)


def _unchanged(mode: Settings) -> dict[str, Any]:
    for override in mode.get("recordingModeOverrides", ()):
        return _mode(mode["recordingFrequency"], override, override["resourceTypes"])
    return {"recordingFrequency": mode["recordingFrequency"]}


def _mode(default: str, override: Settings, types: Iterable[str]) -> dict[str, Any]:
    mode: dict[str, Any] = {"recordingFrequency": default}
    overridden = [*types]
    if overridden:
        mode["recordingModeOverrides"] = [{**override, "resourceTypes": overridden}]
    return mode


def _without(names: Iterable[str], unwanted: Iterable[str]) -> list[str]:
    removed = frozenset(unwanted)
    return [name for name in names if name not in removed]
