"""``preflight`` and the KMS key of the parameter KmsKeyArn."""

import pytest
from moto.kms.models import Key, kms_backends

from tests.commands.conftest import RunPreflight, WriteValues
from tests.commands.prepared_organization import ABROAD, HOME, ONE, TRUSTED, PreparedOrganization, refused
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB

CREATE = f"aws kms create-key --region {HOME} --multi-region"


def create_key(account: str = HUB, *, multi_region: bool = True, spec: str = "SYMMETRIC_DEFAULT") -> Key:
    """Create a key in the home Region."""
    usage = "ENCRYPT_DECRYPT"
    key: Key = kms_backends[account][HOME].create_key("", usage, spec, "", [], multi_region=multi_region)
    return key


class TestKey:
    """It must exist in each Region and encrypt."""

    def test_replicated_key_leaves_a_hint_about_its_policy(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        key = create_key()
        kms_backends[HUB][HOME].replicate_key(key.id, ABROAD)
        write_values(KmsKeyArn=key.arn)
        report = preflight(prepared)
        assert report.status == 0
        assert report.under("Hint") == [
            f"account {HUB}: the key policy of KmsKeyArn is not read; in each Region it must allow CloudWatch Logs, "
            f"and give the account {HUB} access, so that the IAM policy of the function's role takes effect"
        ]
        assert '"Principal":{"Service":["logs.eu-west-1.amazonaws.com","logs.us-east-1.amazonaws.com"]}' in report.text
        assert (
            '"kms:EncryptionContext:aws:logs:arn":["arn:aws:logs:eu-west-1:111122223333:log-group:/ecr-exposure/*",'
        ) in report.text

    def test_missing_replica_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        key = create_key()
        write_values(KmsKeyArn=key.arn)
        report = preflight(prepared)
        assert report.status == 1
        assert report.under("Missing") == [
            f"account {HUB} (master), us-east-1: the multi-Region key {key.id} of KmsKeyArn has no replica in this "
            "Region"
        ]
        replicate = f"aws kms replicate-key --region eu-west-1 --key-id {key.id} --replica-region us-east-1"
        assert report.commands == [replicate]
        # Its own Region is none of the named ones, and tells that it is a multi-Region key.
        assert preflight(prepared, regions=ABROAD).commands[0] == replicate
        assert preflight(prepared, regions=HOME).status == 0

    def test_single_region_key_cannot_serve_another_region(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        key = create_key(multi_region=False)
        write_values(KmsKeyArn=key.arn)
        report = preflight(prepared)
        assert report.under("Missing") == [
            f"account {HUB}: the key {key.id} of KmsKeyArn is a single-Region key of another Region, "
            "so it encrypts nothing in us-east-1"
        ]
        assert report.commands == [CREATE]

    def test_key_that_does_not_exist_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(KmsKeyArn=f"arn:aws:kms:{HOME}:{HUB}:key/mrk-1")
        report = preflight(prepared)
        assert report.under("Missing") == [
            f"account {HUB}: the key mrk-1 of KmsKeyArn does not exist, so it encrypts nothing in eu-west-1, us-east-1"
        ]
        assert report.commands == [CREATE]
        assert "Then set KmsKeyArn to its ARN, and run preflight again." in report.text

    @pytest.mark.parametrize(("state", "commands"), [("Disabled", 1), ("PendingDeletion", 0)])
    def test_key_in_a_state_in_which_it_does_not_encrypt_is_missing(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        write_values: WriteValues,
        state: str,
        commands: int,
    ) -> None:
        key = create_key()
        key.key_state = state
        write_values(KmsKeyArn=key.arn)
        report = preflight(prepared, regions=HOME)
        assert report.under("Missing") == [
            f"account {HUB} (master), eu-west-1: the key {key.id} of KmsKeyArn is in the state {state}, "
            "in which it encrypts nothing"
        ]
        assert report.commands == [f"aws kms enable-key --region eu-west-1 --key-id {key.id}"] * commands

    def test_asymmetric_key_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        key = create_key(spec="RSA_2048")
        write_values(KmsKeyArn=key.arn)
        report = preflight(prepared, regions=HOME)
        assert report.under("Missing") == [
            f"account {HUB} (master), eu-west-1: the key {key.id} of KmsKeyArn is no symmetric encryption key, "
            "which CloudWatch Logs needs"
        ]

    @pytest.mark.parametrize("text", ["alias/mine", "arn:aws:kms:eu-west-1:111122223333:alias/mine"])
    def test_alias_is_not_accepted(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues, text: str
    ) -> None:
        write_values(KmsKeyArn=text)
        report = preflight(prepared)
        assert report.status == 1
        (finding,) = report.under("Missing")
        assert finding.startswith(f"parameters.yaml: KmsKeyArn is {text}, which is not the ARN of a KMS key")
        assert not [call for call in prepared.organization.calls if call.service == "kms"]

    @pytest.mark.parametrize("body", [None, "<html>log in first</html>", "{}"])
    def test_key_that_cannot_be_read_is_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues, body: str | None
    ) -> None:
        key = create_key()
        write_values(KmsKeyArn=key.arn)
        fault = (
            refused("kms", "DescribeKey")
            if body is None
            else Fault("kms", "DescribeKey", status=200, body=body, request_id=body == "{}", times=None)
        )
        with prepared.organization.faults.inject(fault):
            report = preflight(prepared, regions=HOME)
        assert report.status == 2
        (finding,) = report.under("Not checked")
        assert finding.startswith(
            f"account {HUB} (master), eu-west-1: the key {key.id} of KmsKeyArn could not be checked: "
        )


class TestAccountRule:
    """A rule in one account needs its recorder and its key, and nothing of the organization."""

    def test_other_accounts_and_the_organization_are_not_checked(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(DeployAs="account-rule")
        prepared.admin.disable_aws_service_access(ServicePrincipal=TRUSTED[0])
        prepared.remove_recorder(ONE)
        report = preflight(prepared, regions=HOME)
        assert report.status == 0
        assert "Checked: only the hub, because DeployAs is account-rule" in report.lines
        assert not [call for call in prepared.organization.calls if call.operation == "AssumeRole"]

    def test_own_account_without_a_recorder_is_missing_it(
        self, prepared: PreparedOrganization, preflight: RunPreflight, write_values: WriteValues
    ) -> None:
        write_values(DeployAs="account-rule", KmsKeyArn="none")
        prepared.remove_recorder(HUB)
        report = preflight(prepared, regions=HOME)
        assert [line.partition(":")[0] for line in report.under("Missing")] == [
            f"account {HUB} (master), eu-west-1",
            "parameters.yaml",
        ]
