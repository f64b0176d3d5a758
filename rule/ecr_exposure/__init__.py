"""Find the ECR private repositories whose policy lets everyone in, and say who gets in and how.

One way through the package, in reading order:

* ``handler``: the Lambda entry. ``event`` admits an event, ``config_rule`` is rdklib's rule, ``clients`` are
  its AWS clients, ``members`` the organization's accounts, ``parameters`` the rule parameters.
* ``configuration_item``: what AWS Config says about a repository.
* ``policy``: what the repository's policy says.
* ``exposure``: whom it lets in.
* ``verdict``: the answer, and ``annotation``: the line that a person reads. ``assessment`` is the rule's own
  question: the test that its owner chose, what is public on purpose, and where another test differs.

From ``configuration_item`` on everything is pure: no AWS, no log, no clock.
"""

from ecr_exposure.errors import EvaluationError, ItemError, ParameterError, PolicyError
from ecr_exposure.findings.advisories import Advisory, AdvisoryKind
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.evaluator import Request, is_allowed
from ecr_exposure.verdict import Verdict, judge

__version__ = "0.1.0"

__all__ = [
    "Advisory",
    "AdvisoryKind",
    "Capability",
    "EvaluationError",
    "Grant",
    "ItemError",
    "ParameterError",
    "PolicyError",
    "Request",
    "Verdict",
    "is_allowed",
    "judge",
]
