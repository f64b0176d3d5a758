"""What a configuration recorder records, and the settings under which it would record what the rule needs.

Settings are a ConfigurationRecorder as DescribeConfigurationRecorders returns it.
https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingMode.html
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

REPOSITORY: Final = "AWS::ECR::Repository"
COMPLIANCE: Final = "AWS::Config::ResourceCompliance"
NEEDED: Final = (REPOSITORY, COMPLIANCE)

_ALL: Final = "ALL_SUPPORTED_RESOURCE_TYPES"
_INCLUSION: Final = "INCLUSION_BY_RESOURCE_TYPES"
_EXCLUSION: Final = "EXCLUSION_BY_RESOURCE_TYPES"

Settings = Mapping[str, Any]


def missing_types(settings: Settings) -> tuple[str, ...]:
    """Return the resource types that the rule needs and the recorder leaves out."""
    group = settings.get("recordingGroup") or {}
    match _strategy(group):
        case "ALL_SUPPORTED_RESOURCE_TYPES":
            return ()
        case "EXCLUSION_BY_RESOURCE_TYPES":
            return tuple(name for name in NEEDED if name in _excluded(group))
        case _:
            return tuple(name for name in NEEDED if name not in group.get("resourceTypes", ()))


def is_daily(settings: Settings) -> bool:
    """Tell whether repositories are recorded once a day; an override goes before the default."""
    mode = settings.get("recordingMode") or {}
    for override in mode.get("recordingModeOverrides", ()):
        if REPOSITORY in override["resourceTypes"]:
            return bool(override["recordingFrequency"] == "DAILY")
    return bool(mode.get("recordingFrequency") == "DAILY")


def mended(settings: Settings) -> dict[str, Any]:
    """Return settings that record the needed types, repositories continuously, and all else as before.

    PutConfigurationRecorder replaces the group and the mode, so both are given whole.
    """
    kept = {name: settings[name] for name in ("name", "roleARN") if name in settings}
    mode = settings.get("recordingMode")
    if mode:
        kept["recordingMode"] = _continuous(mode) if is_daily(settings) else _plain_mode(mode)
    return kept | {"recordingGroup": _complete(settings.get("recordingGroup") or {})}


def _strategy(group: Settings) -> str:
    """Return the strategy; recorders from before there were strategies have allSupported or a list."""
    named = (group.get("recordingStrategy") or {}).get("useOnly")
    if named:
        return str(named)
    if _excluded(group):
        return _EXCLUSION
    return _ALL if group.get("allSupported", not group.get("resourceTypes")) else _INCLUSION


def _excluded(group: Settings) -> list[str]:
    return list((group.get("exclusionByResourceTypes") or {}).get("resourceTypes", ()))


def _complete(group: Settings) -> dict[str, Any]:
    """Return the recording group with the needed types in it, without the members that its strategy has no use for."""
    strategy = _strategy(group)
    if strategy == _INCLUSION:
        types = [*group.get("resourceTypes", ())]
        return {"resourceTypes": [*types, *_without(NEEDED, types)], "recordingStrategy": {"useOnly": strategy}}
    left = _without(_excluded(group), NEEDED)
    if strategy == _EXCLUSION and left:
        return {"exclusionByResourceTypes": {"resourceTypes": left}, "recordingStrategy": {"useOnly": strategy}}
    # Exclusion records the global IAM types where it does not name them; with nothing excluded this is the same.
    everything = strategy == _EXCLUSION or bool(group.get("includeGlobalResourceTypes"))
    return {
        "allSupported": True,
        "includeGlobalResourceTypes": everything,
        "recordingStrategy": {"useOnly": _ALL},
    }


def _continuous(mode: Settings) -> dict[str, Any]:
    """Return the mode with repositories CONTINUOUS; AWS takes one override at most."""
    (override,) = mode.get("recordingModeOverrides") or ({"resourceTypes": [], "recordingFrequency": "CONTINUOUS"},)
    types = list(override["resourceTypes"])
    if override["recordingFrequency"] == "CONTINUOUS":
        types.append(REPOSITORY)
    elif mode["recordingFrequency"] == "CONTINUOUS":
        types.remove(REPOSITORY)
    else:  # DAILY on top of DAILY says nothing, so its place is free
        override, types = {"recordingFrequency": "CONTINUOUS"}, [REPOSITORY]
    return _mode(mode["recordingFrequency"], override, types)


def _plain_mode(mode: Settings) -> dict[str, Any]:
    for override in mode.get("recordingModeOverrides", ()):
        return _mode(mode["recordingFrequency"], override, override["resourceTypes"])
    return {"recordingFrequency": mode["recordingFrequency"]}


def _mode(default: str, override: Settings, types: Iterable[str]) -> dict[str, Any]:
    plain: dict[str, Any] = {"recordingFrequency": default}
    named = [*types]
    if named:
        plain["recordingModeOverrides"] = [{**override, "resourceTypes": named}]
    return plain


def _without(names: Iterable[str], unwanted: Iterable[str]) -> list[str]:
    gone = frozenset(unwanted)
    return [name for name in names if name not in gone]
