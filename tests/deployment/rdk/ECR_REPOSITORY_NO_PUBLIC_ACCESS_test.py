"""What `rdk test-local` runs on the staged rule: no AWS, nothing but the staged folder and rdklib."""

import unittest

from rdklib import ComplianceType

from ecr_exposure.aws import ClientFactory
from ecr_exposure.config_rule import EcrRepositoryNoPublicAccess

ITEM = {
    "resourceType": "AWS::ECR::Repository",
    "resourceId": "team/app",
    "configurationItemStatus": "OK",
    "configuration": {"RepositoryName": "team/app", "RepositoryPolicyText": {}},
}
OPEN = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}}'


class ComplianceTest(unittest.TestCase):
    """A repository without a policy and one that everyone can pull from."""

    def compliance_of(self, policy: object) -> str:
        """Evaluate the item with this policy, as rdklib would."""
        rule = EcrRepositoryNoPublicAccess()
        parameters = rule.evaluate_parameters({"publicAccessTest": "unconditional"})
        item = {**ITEM, "configuration": {"RepositoryName": "team/app", "RepositoryPolicyText": policy}}
        (evaluation,) = rule.evaluate_change({}, ClientFactory(None), item, parameters)
        return str(evaluation.complianceType)

    def test_no_policy(self) -> None:
        """A repository without a policy is COMPLIANT."""
        self.assertEqual(self.compliance_of({}), ComplianceType.COMPLIANT)

    def test_public_pull(self) -> None:
        """A policy that lets everyone pull is NON_COMPLIANT."""
        self.assertEqual(self.compliance_of(OPEN), ComplianceType.NON_COMPLIANT)
