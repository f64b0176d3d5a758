"""``preflight`` in an organization with more than 5,000 pairs of an account and a Region."""

from typing import Final

import pytest

from ecr_exposure.cli.main import main
from tests.benchmarks.large_aws import FIRST_ACCOUNT, LargeAws, in_place_of_aws
from tests.benchmarks.preflight_at_scale import REGIONS

STATUS: Final = "DescribeConfigurationRecorderStatus"
SETTINGS: Final = "DescribeConfigurationRecorders"


def test_settings_are_read_in_the_home_region_and_where_a_recorder_fails(capsys: pytest.CaptureFixture[str]) -> None:
    aws = LargeAws(320, REGIONS, seconds_a_call=0.0)
    arguments = ("--regions", ",".join(REGIONS), "--hub", str(FIRST_ACCOUNT))
    with in_place_of_aws(aws):
        assert main(("preflight", *arguments)) == 2
    report = capsys.readouterr().out
    pairs = 320 * len(REGIONS)
    assert pairs * 0.9 < aws.calls[STATUS] < pairs * 1.1
    assert aws.calls[SETTINGS] < pairs * 0.15
    assert "--thorough" in report
    assert report.count("--thorough") <= 3
    assert len(report.splitlines()) < 200
