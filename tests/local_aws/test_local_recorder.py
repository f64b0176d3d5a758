"""Configuration items of the local organization: in events, and over the API of AWS Config."""

import json
from datetime import timedelta
from functools import partial

import pytest

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import HOME, NOON, ONE, PRIVATE, PUBLIC
from tests.local_aws.organization import LocalOrganization


class TestItems:
    """Items as they are in events."""

    def test_item_has_the_fields_that_aws_config_documents(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        arn = organization.create_repository(ONE, HOME, "team/app", PUBLIC, tags={"owner": "team"})
        item = config.record(ONE, HOME, "team/app", captured_at=NOON).as_event()
        assert item["ARN"] == arn == f"arn:aws:ecr:{HOME}:{ONE}:repository/team/app"
        assert item["resourceId"] == item["resourceName"] == "team/app"
        assert (item["awsAccountId"], item["awsRegion"]) == (ONE, HOME)
        assert item["configurationItemCaptureTime"] == "2026-03-01T12:00:00.000Z"
        assert item["configurationItemStatus"] == "ResourceDiscovered"
        assert item["tags"] == {"owner": "team"}
        assert item["relationships"] == []
        assert item["supplementaryConfiguration"] == {}
        assert item["configuration"] == {
            "RepositoryName": "team/app",
            "Arn": arn,
            "RepositoryUri": f"{ONE}.dkr.ecr.{HOME}.amazonaws.com/team/app",
            "ImageTagMutability": "MUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": False},
            "EncryptionConfiguration": {"EncryptionType": "AES256"},
            "LifecyclePolicy": {},
            "RepositoryPolicyText": PUBLIC,
            "Tags": [{"Key": "owner", "Value": "team"}],
        }

    def test_repository_without_policy_has_an_empty_object(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "app")
        assert config.record(ONE, HOME, "app").as_event()["configuration"]["RepositoryPolicyText"] == {}

    def test_settings_made_over_the_api_are_recorded(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        ecr = organization.session(ONE, HOME).client("ecr")
        ecr.create_repository(
            repositoryName="app",
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:1:key/x"},
        )
        selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
        rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
        text = json.dumps({"rules": [rule]})
        ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=text)
        configuration = config.record(ONE, HOME, "app").as_event()["configuration"]
        assert configuration["ImageTagMutability"] == "IMMUTABLE"
        assert configuration["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert configuration["EncryptionConfiguration"]["EncryptionType"] == "KMS"
        assert configuration["LifecyclePolicy"] == {"LifecyclePolicyText": text, "RegistryId": ONE}

    def test_difference_names_the_changed_properties(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "app", PRIVATE)
        assert config.record(ONE, HOME, "app").as_difference()["changeType"] == "CREATE"
        organization.set_policy(ONE, HOME, "app", PUBLIC)
        difference = config.record(ONE, HOME, "app").as_difference()
        assert difference["changeType"] == "UPDATE"
        assert difference["changedProperties"] == {
            "Configuration.RepositoryPolicyText": {
                "previousValue": PRIVATE,
                "updatedValue": PUBLIC,
                "changeType": "UPDATE",
            }
        }
        organization.delete_repository(ONE, HOME, "app")
        item = config.record(ONE, HOME, "app")
        assert item.as_difference()["changeType"] == "DELETE"
        assert item.as_event()["configuration"] is None
        assert item.as_event()["configurationItemStatus"] == "ResourceDeleted"


class TestHistory:
    """GetResourceConfigHistory."""

    def test_history_is_returned_in_pages_and_in_both_orders(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        organization.create_repository(ONE, HOME, "team/app", PUBLIC, tags={"owner": "team"})
        config.record(ONE, HOME, "team/app", captured_at=NOON)
        organization.delete_repository(ONE, HOME, "team/app")
        config.record(ONE, HOME, "team/app", captured_at=NOON + timedelta(hours=1))
        client = organization.session(ONE, HOME).client("config")
        history = partial(
            client.get_resource_config_history, resourceType="AWS::ECR::Repository", resourceId="team/app"
        )
        deleted, public = history()["configurationItems"]
        assert deleted["configurationItemStatus"] == "ResourceDeleted"
        assert "configuration" not in deleted
        assert (public["accountId"], public["arn"].rpartition(":")[2]) == (ONE, "repository/team/app")
        assert public["configurationItemCaptureTime"] == NOON
        assert json.loads(public["configuration"])["RepositoryPolicyText"] == PUBLIC
        first = history(limit=1)
        assert len(first["configurationItems"]) == 1
        second = history(limit=1, nextToken=first["nextToken"])
        assert second["configurationItems"] == [public]
        assert history(laterTime=NOON)["configurationItems"] == [public]
        oldest_first = history(chronologicalOrder="Forward")
        assert oldest_first["configurationItems"] == [public, deleted]

    def test_history_of_an_unknown_resource_is_an_error(self, organization: LocalOrganization) -> None:
        client = organization.session(ONE, HOME).client("config")
        with pytest.raises(client.exceptions.ResourceNotDiscoveredException):
            client.get_resource_config_history(resourceType="AWS::ECR::Repository", resourceId="app")
        with pytest.raises(client.exceptions.ResourceNotDiscoveredException):
            client.get_resource_config_history(resourceType="AWS::S3::Bucket", resourceId="app")
        organization.create_repository(ONE, HOME, "app")
        assert client.get_resource_config_history(resourceType="AWS::ECR::Repository", resourceId="app")
