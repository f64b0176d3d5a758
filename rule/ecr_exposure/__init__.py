"""Find the Amazon ECR private repositories whose repository policy grants public access, and explain who can do what.

The way through the package, in reading order:

* ``handler`` is the Lambda entry. ``event`` validates an AWS Config event, ``config_rule`` is the rule as rdklib runs
  it, and ``parameters`` reads the rule parameters.
* ``periodic`` evaluates all repositories of an account and region. ``reporting`` reports their evaluations in batches,
  ``invocation`` knows the time that is left and what failed, ``history`` has the configuration items of AWS Config,
  and ``aws`` the AWS clients.
* ``repository``: the repository that an event or the ECR API describes.
* ``policy``: what a policy document and a request mean, as AWS documents it. It does not know what "public" means.
* ``search``: the search for a request that gets access. Other packages use only what it exports.
* ``findings``: what the rule reports: access tests, grants in order, explanations and advisories.
* ``verdict``: `judge`, and the rule's own question about a repository. ``public_on_purpose`` has the exceptions, and
  ``annotation`` writes the dashboard's sentence.
* ``remedy``: the smallest change that closes a policy. ``statement_changes`` closes one statement, and
  ``pulling_services`` has the statements that AWS documents for its services.
* ``cli``: the command ``ecr-exposure``, which is not part of the function.

From ``repository`` to ``verdict`` everything is pure: no AWS call and no log; only `judge` reads the clock, once.
"""

from ecr_exposure.errors import EvaluationError, ItemError, ParameterError, PolicyError, RemedyError
from ecr_exposure.findings.advisories import Advisory, AdvisoryKind
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.evaluator import Request, is_allowed
from ecr_exposure.remedy import Remedy, remedy
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
    "Remedy",
    "RemedyError",
    "Request",
    "Verdict",
    "is_allowed",
    "judge",
    "remedy",
]
