"""The function's log: one structured line for each evaluation."""

import logging

import pytest

from ecr_exposure import EvaluationError
from tests.local_aws.faults import Fault
from tests.rule.member_account import MEMBER, OPEN, PULL, REGION, deployed


class TestLog:
    """Fields of the lines."""

    def test_evaluation_is_logged_with_repository_compliance_and_reasons(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with deployed() as member:
            member.create("team/app", OPEN)
            member.config.deliver_change(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            fields = vars(line)
            assert line.levelno == logging.INFO
            assert fields["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/team/app"
            assert (fields["account"], fields["region"]) == (MEMBER, REGION)
            assert (fields["publicAccessTest"], fields["compliance"]) == ("unconditional", "NON_COMPLIANT")
            assert fields["reasons"] == ["Statement[0] allows ecr:* to * with no Condition"]

    def test_not_applicable_is_logged_with_its_reason(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as member:
            member.create("team/app", OPEN)
            member.config.record(MEMBER, REGION, "team/app")
            member.organization.delete_repository(MEMBER, REGION, "team/app")
            member.config.deliver_deletion(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            fields = vars(line)
            assert fields["compliance"] == "NOT_APPLICABLE"
            assert fields["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/team/app"
            assert (fields["account"], fields["region"]) == (MEMBER, REGION)
            assert fields["reasons"] == ["ResourceDeleted"]

    def test_witness_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed({"publicAccessTest": "reachable"}) as member:
            member.create("team/app", PULL)
            member.config.deliver_change(MEMBER, REGION, "team/app")
            (line,) = [record for record in caplog.records if hasattr(record, "compliance")]
            witness = "arn:aws:iam::999999999999:role/x from 198.51.100.7 may ecr:BatchGetImage"
            assert vars(line)["witnesses"] == [witness]

    def test_no_secret_is_logged(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        caplog.set_level(logging.INFO)
        with deployed() as member:
            member.create("aa", OPEN)
            event = member.change_event("aa")
            member.config.invoke(event, region=REGION)
            member.config.deliver_scheduled(MEMBER, REGION)
            broken = Fault("config", "PutEvaluations", code="X")
            with member.organization.faults.inject(broken), pytest.raises(EvaluationError) as raised:
                member.config.invoke(event, region=REGION)
        output = capsys.readouterr()
        logged = output.out + output.err + str(raised.value) + "".join(str(vars(each)) for each in caplog.records)
        for secret in (event["resultToken"], "ASIA", "AWS4-HMAC"):
            assert secret not in logged
