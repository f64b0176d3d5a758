"""API operations of AWS Config and Amazon ECR that the function calls and moto does not emulate.

They replace methods of moto's response and backend classes, so requests arrive over HTTP like all others.
moto 5.2.5 supports PutEvaluations only with TestMode and not with an empty list, has neither
GetComplianceDetailsByConfigRule nor GetComplianceDetailsByResource nor the history of ECR repositories, and returns
all repositories in one page.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, TypeVar
from unittest.mock import patch

from moto.config.models import ConfigBackend
from moto.config.responses import ConfigResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.responses import ECRResponse
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from tests.local_aws.config_store import ConfigStore, Evaluation, PutEvaluations, RefusedError, Rule
from tests.local_aws.recorder import RESOURCE_TYPE, Recorder

_CONFIG_PAGE: Final = 10
_CONFIG_LARGEST_PAGE: Final = 100
_ECR_PAGE: Final = 100
_ECR_LARGEST_PAGE: Final = 1000
_RULE_NAME_LENGTH: Final = 64
_T = TypeVar("_T")
_FILTERABLE: Final = frozenset({"COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"})


@contextmanager
def config_and_ecr_api(store: ConfigStore, recorder: Recorder, *, repositories_per_page: int) -> Iterator[None]:
    """Add the operations to moto inside the with block."""
    with ExitStack() as stack:
        for target, name, replacement in (
            (ConfigBackend, "put_evaluations", _put_evaluations(store)),
            (ConfigResponse, "get_compliance_details_by_config_rule", _compliance_details(store)),
            (ConfigResponse, "get_compliance_details_by_resource", _compliance_of_resource(store)),
            (ConfigResponse, "get_resource_config_history", _resource_history(recorder)),
            (ECRResponse, "describe_repositories", _describe_repositories(repositories_per_page)),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield


def any_repository_policy() -> AbstractContextManager[object]:
    """Let SetRepositoryPolicy accept every text: moto's validator rejects what IAM accepts, such as FORALLVALUES."""
    return patch.object(IAMPolicyDocumentValidator, "validate", lambda _: None)


def _put_evaluations(store: ConfigStore) -> Callable[..., object]:
    """PutEvaluations, also with an empty list; with TestMode any result token is valid and nothing is stored."""

    def put_evaluations(
        self: ConfigBackend,
        evaluations: list[dict[str, Any]] | None = None,
        result_token: str | None = None,
        test_mode: bool | None = None,  # noqa: FBT001 - moto's signature
    ) -> dict[str, list[Any]]:
        call = PutEvaluations(
            account=self.account_id,
            region=self.region_name,
            result_token=result_token or "",
            test_mode=bool(test_mode),
            evaluations=tuple(evaluations or ()),
        )
        with _errors_returned():
            return {"FailedEvaluations": list(store.put_evaluations(call))}

    return put_evaluations


def _compliance_details(store: ConfigStore) -> Callable[..., object]:
    """GetComplianceDetailsByConfigRule.

    https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByConfigRule.html
    """

    def get_compliance_details_by_config_rule(self: ConfigResponse) -> str:
        name = self._get_param("ConfigRuleName")
        wanted = frozenset(self._get_param("ComplianceTypes") or _FILTERABLE)
        with _errors_returned():
            if len(name) > _RULE_NAME_LENGTH:
                raise RefusedError("ValidationException", "Value at 'configRuleName' is too long")
            if not wanted <= _FILTERABLE:
                raise RefusedError("InvalidParameterValueException", f"cannot filter by {sorted(wanted)}")
            rule = store.rule(self.current_account, self.region, name)
            rows = (
                (f"{row.resource_type} {row.resource_id}", row)
                for row in store.evaluations(rule)
                if row.compliance in wanted
            )
            page, token = _config_page(rows, self._get_param("Limit"), self._get_param("NextToken"))
        return json.dumps({"EvaluationResults": [_result(rule, row) for row in page]} | _named("NextToken", token))

    return get_compliance_details_by_config_rule


def _compliance_of_resource(store: ConfigStore) -> Callable[..., object]:
    """GetComplianceDetailsByResource: the evaluations of one resource by all rules of the account and Region.

    https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByResource.html
    """

    def get_compliance_details_by_resource(self: ConfigResponse) -> str:
        resource = (self._get_param("ResourceType"), self._get_param("ResourceId"))
        with _errors_returned():
            if not all(resource):
                raise RefusedError("InvalidParameterValueException", "ResourceType and ResourceId are required")
            rows = (
                (rule.name, _result(rule, row))
                for rule in store.rules_in(self.current_account, self.region)
                for row in store.evaluations(rule)
                if (row.resource_type, row.resource_id) == resource
            )
            page, token = _config_page(rows, None, self._get_param("NextToken"))
        return json.dumps({"EvaluationResults": page} | _named("NextToken", token))

    return get_compliance_details_by_resource


def _resource_history(recorder: Recorder) -> Callable[..., object]:
    """GetResourceConfigHistory for ECR repositories; moto's own implementation for other resource types."""
    moto_history = ConfigResponse.get_resource_config_history

    def get_resource_config_history(self: ConfigResponse) -> str:
        if self._get_param("resourceType") != RESOURCE_TYPE:
            response: str = moto_history(self)
            return response
        name = self._get_param("resourceId")
        first, last = self._get_param("earlierTime"), self._get_param("laterTime")
        with _errors_returned():
            items = [
                item.as_history()
                for item in recorder.history(self.current_account, self.region, name)
                if (first is None or item.captured_at.timestamp() >= first)
                # botocore may send whole seconds: an item captured within that second is included.
                and (last is None or int(item.captured_at.timestamp()) <= last)
            ]
            if not items:
                raise RefusedError("ResourceNotDiscoveredException", f"Resource {name} is unknown")
            if self._get_param("chronologicalOrder") == "Forward":
                items.reverse()
            numbered = ((f"{number:06}", item) for number, item in enumerate(items))
            page, token = _config_page(numbered, self._get_param("limit"), self._get_param("nextToken"))
        return json.dumps({"configurationItems": page} | _named("nextToken", token), default=datetime.timestamp)

    return get_resource_config_history


def _describe_repositories(largest_page: int) -> Callable[..., object]:
    """DescribeRepositories in pages of at most ``largest_page`` repositories, whatever maxResults says.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    """

    def describe_repositories(self: ECRResponse) -> ActionResult:
        names, token = self._get_param("repositoryNames"), self._get_param("nextToken")
        wanted = self._get_param("maxResults")
        if wanted is not None and not 1 <= wanted <= _ECR_LARGEST_PAGE:
            raise InvalidParameterException("maxResults must be between 1 and 1000")
        repositories = self.ecr_backend.describe_repositories(self._get_param("registryId"), names)
        if names:
            if token or wanted:
                raise InvalidParameterException("repositoryNames cannot be used with maxResults or nextToken")
            return ActionResult({"repositories": repositories})
        try:
            named = ((repository.name, repository) for repository in repositories)
            page, following = _page(named, min(wanted or _ECR_PAGE, largest_page), token)
        except ValueError:
            raise InvalidParameterException("Invalid parameter at 'NextToken'") from None
        return ActionResult({"repositories": page} | _named("nextToken", following))

    return describe_repositories


@contextmanager
def _errors_returned() -> Iterator[None]:
    """Convert RefusedError to the exception that moto returns with HTTP status 400."""
    try:
        yield
    except RefusedError as error:
        raise JsonRESTError(error.code, error.message) from error


def _result(rule: Rule, row: Evaluation) -> dict[str, Any]:
    qualifier = {
        "ConfigRuleName": rule.name,
        "ResourceType": row.resource_type,
        "ResourceId": row.resource_id,
    }
    return {
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": qualifier | {"EvaluationMode": "DETECTIVE"},
            "OrderingTimestamp": row.ordering_timestamp.timestamp(),
        },
        "ComplianceType": row.compliance,
        "ResultRecordedTime": row.recorded_at.timestamp(),
        "ConfigRuleInvokedTime": row.recorded_at.timestamp(),
    } | _named("Annotation", row.annotation)


def _config_page(keyed: Iterable[tuple[str, _T]], limit: int | None, token: str | None) -> tuple[list[_T], str | None]:
    if limit is not None and not 0 <= limit <= _CONFIG_LARGEST_PAGE:
        raise RefusedError("ValidationException", "Value at 'limit' must be between 0 and 100")
    try:
        return _page(keyed, limit or _CONFIG_PAGE, token)
    except ValueError:
        raise RefusedError("InvalidNextTokenException", "The nextToken provided is invalid") from None


def _page(keyed: Iterable[tuple[str, _T]], size: int, token: str | None) -> tuple[list[_T], str | None]:
    """Return one page of items in the order of their keys, and the token of the next page.

    The token contains the last key of the page, so an item deleted between two calls hides no other item.
    """
    last = b64decode(token, altchars=b"-_", validate=True).decode() if token else ""
    rest = sorted((pair for pair in keyed if pair[0] > last), key=itemgetter(0))
    following = urlsafe_b64encode(rest[size - 1][0].encode()).decode() if len(rest) > size else None
    return [item for _, item in rest[:size]], following


def _named(name: str, value: str | None) -> dict[str, Any]:
    return {} if value is None else {name: value}
