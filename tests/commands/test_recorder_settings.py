"""Configuration recorders: what they record, and the settings that complete them."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from ecr_exposure.cli.prerequisites.recorder_settings import completed, is_daily, missing_types

ECR, S3 = "AWS::ECR::Repository", "AWS::S3::Bucket"
NEEDED: Final = ["AWS::ECR::Repository", "AWS::Config::ResourceCompliance"]
OLD_LIST: Final = {"recordingGroup": {"allSupported": False, "resourceTypes": ["AWS::ECR::Repository"]}}
EXCLUDES_ONE: Final = {"exclusionByResourceTypes": {"resourceTypes": ["AWS::ECR::Repository"]}}


def mode(default: str, frequency: str = "", *types: str) -> dict[str, Any]:
    """Return a recording mode with one override, if a frequency is given."""
    override = {"description": "ours", "resourceTypes": list(types), "recordingFrequency": frequency}
    return {"recordingFrequency": default} | ({"recordingModeOverrides": [override]} if frequency else {})


class TestRecordingGroup:
    """Which resource types are recorded."""

    @pytest.mark.parametrize(
        ("settings", "missing"),
        [
            pytest.param({}, (), id="no group: the default is everything"),
            pytest.param({"recordingGroup": {"allSupported": True}}, (), id="everything"),
            pytest.param({"recordingGroup": {"recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"}}}, (),
                         id="everything by strategy"),
            pytest.param({"recordingGroup": {"resourceTypes": NEEDED}}, (), id="both listed"),
            pytest.param(OLD_LIST, ("AWS::Config::ResourceCompliance",), id="one listed"),
            pytest.param({"recordingGroup": EXCLUDES_ONE}, ("AWS::ECR::Repository",), id="one excluded"),
        ],
    )  # fmt: skip
    def test_missing_types_are_found_and_completed(self, settings: Mapping[str, Any], missing: tuple[str, ...]) -> None:
        assert missing_types(settings) == missing
        assert missing_types(completed(settings)) == ()

    def test_exclusions_that_become_empty_are_everything(self) -> None:
        assert completed({"recordingGroup": EXCLUDES_ONE})["recordingGroup"] == {
            "allSupported": True,
            "includeGlobalResourceTypes": True,
            "recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"},
        }


class TestRecordingMode:
    """How often repositories are recorded."""

    @pytest.mark.parametrize(
        ("before", "daily", "after"),
        [
            pytest.param(mode("CONTINUOUS"), False, mode("CONTINUOUS"), id="continuous"),
            pytest.param(mode("DAILY", "CONTINUOUS", ECR), False, mode("DAILY", "CONTINUOUS", ECR), id="overridden"),
            pytest.param(mode("CONTINUOUS", "DAILY", S3), False, mode("CONTINUOUS", "DAILY", S3), id="another type"),
            pytest.param(
                mode("DAILY", "CONTINUOUS", S3), True, mode("DAILY", "CONTINUOUS", S3, ECR), id="with another"
            ),
            pytest.param(mode("CONTINUOUS", "DAILY", ECR, S3), True, mode("CONTINUOUS", "DAILY", S3), id="one of two"),
            pytest.param(mode("CONTINUOUS", "DAILY", ECR), True, mode("CONTINUOUS"), id="the only one"),
            pytest.param(
                mode("DAILY", "DAILY", ECR, S3),
                True,
                {
                    "recordingFrequency": "DAILY",
                    "recordingModeOverrides": [{"resourceTypes": [ECR], "recordingFrequency": "CONTINUOUS"}],
                },
                id="daily twice",
            ),
        ],
    )
    def test_daily_recording_becomes_continuous(
        self, before: Mapping[str, Any], after: Mapping[str, Any], *, daily: bool
    ) -> None:
        assert is_daily({"recordingMode": before}) is daily
        assert completed({"recordingMode": before})["recordingMode"] == after
        assert not is_daily({"recordingMode": after})
