"""Each measurement runs, on tiny inputs; nothing here is timed."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.benchmarks import (
    artifact,
    change_events,
    check_beside_checkov,
    cold_start,
    config_snapshots,
    engine,
    hard_policies,
    periodic_runs,
    preflight_at_scale,
    replay_at_scale,
    scan_at_scale,
)
from tests.benchmarks.lists_of_names import LISTS
from tests.benchmarks.measurements import Measurement, at_least, at_most
from tests.benchmarks.worst_policies import POLICIES, Policy

# The policy length limit of Amazon ECR: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
LONGEST = 10_240


class TestResults:
    """What is printed beside a target."""

    @pytest.mark.parametrize(("result", "is_met"), [(9.9, True), (10.0, True), (10.1, False)])
    def test_result_up_to_the_limit_meets_the_target(self, result: float, *, is_met: bool) -> None:
        assert at_most("x", "", result, 10.0, " s").is_met is is_met
        assert at_least("x", "", -result, -10.0).is_met is is_met

    def test_natural_policy_without_an_answer_misses_the_target(self) -> None:
        broken: Policy = {"Statement": [{"Effect": "Allow"}]}
        (found,) = hard_policies.measure({}, {"broken": broken}, rounds=1)
        assert (found.is_met, found.target) == (False, "an answer")


class TestMeasurements:
    """Every subject, with as little as it can measure."""

    def test_change_events(self) -> None:
        assert whats(change_events.measure(events=1, rounds=1)) == [
            "warm change event, policy open to everyone",
            "warm change event, policy behind a Deny for other organizations",
        ]

    def test_engine(self) -> None:
        assert len(whats(engine.measure(policies=2, rounds=1))) == 3

    def test_hard_policies(self) -> None:
        name = "question marks behind stars"
        assert whats(hard_policies.measure({name: POLICIES[name]}, {}, rounds=1)) == [f"worst: {name}"]

    @pytest.mark.parametrize("size", [0, 1, 120])
    def test_periodic_run_reports_every_repository(self, size: int) -> None:
        assert periodic_runs.run_once(size, seconds_a_call=0.0).wall > 0

    @pytest.mark.parametrize(
        ("options", "exit_code", "calls"), [((), 2, 40), (("--thorough",), 2, 40), (("--interrupt",), 130, 4)]
    )
    def test_preflight_reads_every_account(self, options: tuple[str, ...], exit_code: int, calls: int) -> None:
        run = preflight_at_scale.run_once(20, 2, options, seconds_a_call=0.0)
        assert run.exit_code == exit_code
        assert run.calls >= calls
        assert run.lines > 5

    @pytest.mark.parametrize("size", [0, 1, 121])
    def test_replay_replays_every_event(self, size: int) -> None:
        assert replay_at_scale.run_once(size, seconds_a_call=0.0).wall > 0

    def test_scan_reads_every_account_that_has_the_role(self) -> None:
        run = scan_at_scale.run_once(19, 3, seconds_a_call=0.0)
        assert (run.repositories, run.public) == (19 * 3, 19)

    @pytest.mark.parametrize("form", ["plain", "compressed"])
    def test_snapshot_of_aws_config_is_read_whole(self, form: str) -> None:
        run = config_snapshots.run_once(1, form)
        assert (run.policies > 20, run.problems) == (True, 0)

    def test_check_beside_another_command(self) -> None:
        # The environment of checkov is only there after make benchmark.
        def flags_all(folder: Path) -> check_beside_checkov.Run:
            return check_beside_checkov.Run({each.name for each in folder.iterdir()}, 1.0, 1.0)

        assert whats(check_beside_checkov.measure(files=2, rounds=1, starts=1, peer=flags_all)) == [
            "check of 2 templates beside checkov: times as fast",
            "check of 2 templates beside checkov, each one public: times as fast",
            "ecr-exposure --version",
            "ecr-exposure --help",
            "ecr-exposure check policy.json",
        ]

    def test_command_that_misses_a_public_template_is_not_compared(self) -> None:
        def misses(_: Path) -> check_beside_checkov.Run:
            return check_beside_checkov.Run(set(), 1.0, 1.0)

        with pytest.raises(AssertionError, match="not comparable"):
            next(check_beside_checkov.measure(files=1, rounds=1, peer=misses))

    @pytest.mark.skipif(sys.platform != "linux", reason="the Lambda runtime client is for Linux")
    def test_cold_start_and_artifact_of_the_function(self, installing: dict[str, str], tmp_path: Path) -> None:
        function = tmp_path / "function"
        artifact.build(function, installing)
        assert whats(artifact.measure(function)) == ["the function's source"]
        assert whats(cold_start.measure(function, tmp_path, starts=1)) == ["cold start in the Lambda runtime client"]


class TestPolicies:
    """The policies that are measured."""

    @pytest.mark.parametrize("name", [*POLICIES, *LISTS])
    def test_policy_is_as_short_as_ecr_accepts(self, name: str) -> None:
        policy = {**POLICIES, **LISTS}[name]
        assert len(json.dumps(policy, separators=(",", ":"))) <= LONGEST


def whats(found: Iterable[Measurement]) -> list[str]:
    """Return what was measured."""
    return [each.what for each in found]
