"""Repository policies in a Terraform plan or state, as ``terraform show -json`` or ``tofu show -json`` writes it.

What the plan leaves in place counts: what it deletes or forgets does not. A policy that is known only after apply is
read from its data source ``aws_iam_policy_document``, if it comes from one that is in the plan. The others are Unknown
and name the references that the plan has for them. These cannot be known from a plan:

- a policy of jsonencode with an attribute that is known only after apply: then the plan has nothing of its text
- what a ``local`` comes from, and what a ``dynamic`` block refers to: neither is in a plan
- whether an expression changes the text of the document that it refers to: it is read as the document itself
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span
from ecr_exposure.cli.found_policies.unknown_values import Unknown, Value, read_policy_text
from ecr_exposure.cli.policies_in_plans.deferred_documents import Account, DeferredDocuments, references_of
from ecr_exposure.cli.policies_in_plans.plan_configuration import Configuration
from ecr_exposure.cli.policies_in_plans.plan_resources import (
    PlannedResource,
    an_object,
    read_terraform_json,
    resources_after_plan,
    resources_in_state,
    with_unknown,
)
from ecr_exposure.errors import PolicyError
from ecr_exposure.identifiers import ACCOUNT_ID, account_of, partitions_of_region, region_of

_POLICY_OF: Final = {
    "aws_ecr_repository_policy": "policy",
    "aws_ecr_repository_creation_template": "repository_policy",
    "awscc_ecr_repository": "repository_policy_text",
    "awscc_ecr_repository_creation_template": "repository_policy",
}
"""The argument that has the policy, by type of resource."""
_REQUIRED: Final = "aws_ecr_repository_policy"
_NAME_OF: Final = {"aws_ecr_repository_policy": "repository", "awscc_ecr_repository": "repository_name"}
_TAGS_OF: Final = {"aws_ecr_repository": ("tags_all", "name"), "awscc_ecr_repository": ("tags", "repository_name")}
"""The arguments that have the tags and the name of a repository, by its type."""
_ADDRESS: Final = re.compile(r'"address"\s*:\s*("(?:[^"\\]|\\.)*")')


def read_terraform_plan(file: str, content: str, facts: CodeFacts) -> Iterator[FoundPolicy]:
    """Yield the policies of ECR repositories and creation templates in a plan or a state.

    An aws_ecr_repository without a policy resource yields nothing. Raises NotReadError for JSON that is neither a plan
    nor a state, and for a format_version other than 1.x.
    """
    document = read_terraform_json(file, content)
    read = resources_in_state if "values" in document else resources_after_plan
    plan = _Plan(file, facts, document, list(read(file, document)))
    spans: _Spans | None = None
    for resource in plan.resources:
        if resource.mode == "managed" and resource.type in _POLICY_OF:
            spans = spans or _Spans(content)
            yield plan.found(resource, spans.of(resource.address))
    if document.get("errored") is True:
        facts.problem(
            NotReadError(file, None, "errored: Terraform could not complete this plan, so parts can be missing")
        )
    elif document.get("complete") is False:
        facts.note(f"{file}: this plan is partial (complete: false): check the next plan, too")


class _Plan:
    """A plan or a state."""

    def __init__(
        self, file: str, facts: CodeFacts, document: Mapping[str, Any], resources: list[PlannedResource]
    ) -> None:
        self.resources = resources
        self._file, self._facts = file, facts
        self._configuration = Configuration.of(document)
        self._documents = DeferredDocuments.of(self._configuration, resources)
        self._accounts = dict(self._account_by_provider(document))
        self._tags = dict(_tags_by_repository(resources))

    def found(self, resource: PlannedResource, span: Span) -> FoundPolicy:
        """Return the policy of a resource."""
        block = self._configuration.block_of(resource)
        name, arn = _NAME_OF.get(resource.type, ""), resource.text("arn") or ""
        repository = Unknown(f"{resource.address}.{name}") if resource.is_unknown(name) else resource.text(name)
        region = resource.text("region") or region_of(arn) or self._configuration.region_of(block or {}) or None
        account = resource.text("registry_id") or account_of(arn) or self._accounts.get(_provider_of(block), "")
        account = account if ACCOUNT_ID.fullmatch(account) else ""
        partition = partitions_of_region(region)[0] if region else self._facts.partition_in_text
        return FoundPolicy(
            kind=Kind.TERRAFORM_PLAN,
            file=self._file,
            address=resource.address,
            policy=self._policy(resource, block, Account(account or self._facts.account_in_text, partition)),
            span=span,
            repository=repository,
            account=account or None,
            region=region,
            tags=self._tags.get(repository) if isinstance(repository, str) else None,
        )

    def _policy(self, resource: PlannedResource, block: Mapping[str, Any] | None, account: Account) -> Value:
        argument = _POLICY_OF[resource.type]
        value, place = resource.values.get(argument), f"{resource.address}.{argument}"
        if not resource.is_unknown(argument):
            # A plan that is filtered, or without sensitive values, can lack a policy that is there. Values that are
            # planned lack what is not known, where an argument that is not given is null.
            is_required = resource.type == _REQUIRED or resource.sensitive.get(argument) is True
            is_left_out = argument not in resource.values or (value is None and is_required)
            return Unknown(place) if is_left_out else _read(with_unknown(value, resource.unknown.get(argument), place))
        expression = an_object(an_object(block).get("expressions")).get(argument)
        if block is not None and resource.type != _REQUIRED and self._is_none(resource, expression):
            # An argument that is not given keeps its value.
            return _read(resource.before.get(argument))
        sources = self._configuration.sources(resource.module, expression)
        policy = self._documents.policy(sources, account, resource.index)
        return Unknown(references_of(sources) or place) if policy is None else policy

    def _is_none(self, resource: PlannedResource, expression: object) -> bool:
        """Return whether the code gives no policy: the provider awscc says of that, too, that it is not known."""
        return expression is None or self._configuration.constant(resource.module, expression) is None

    def _account_by_provider(self, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the account of each provider that a data source aws_caller_identity was read with."""
        for each in resources_in_state(self._file, an_object(document.get("prior_state"))):
            if each.mode == "data" and each.type == "aws_caller_identity":
                yield _provider_of(self._configuration.block_of(each)), each.text("account_id") or ""


def _provider_of(block: Mapping[str, Any] | None) -> str:
    """Return the key of the provider of a resource, the same for resources of the same provider."""
    return str(an_object(block).get("provider_config_key", ""))


def _read(value: object) -> Value:
    """Return the policy of a value; a text that is not JSON stays a text."""
    if not isinstance(value, str):
        return value
    try:
        return read_policy_text(value)
    except PolicyError:
        return value


def _tags_by_repository(resources: Iterable[PlannedResource]) -> Iterator[tuple[str, Mapping[str, str] | None]]:
    """Yield the tags of each repository, None if a part is not known or two repositories have the name."""
    seen: set[str] = set()
    for each in resources:
        argument, name = _TAGS_OF.get(each.type, ("", ""))
        repository = each.text(name) if each.mode == "managed" else None
        if repository is None:
            continue
        is_known = repository not in seen and not each.unknown.get(argument)
        seen.add(repository)
        yield repository, _tags(each.values.get(argument)) if is_known else None


def _tags(value: object) -> Mapping[str, str]:
    """Return tags by key: an object of them, or a list of objects with key and value."""
    if isinstance(value, list):
        value = {str(each.get("key")): each.get("value") for each in map(an_object, value)}
    return {str(key): str(text) for key, text in an_object(value).items()}


class _Spans:
    """Where the address of a resource is in the text: in resource_changes if it is there, too."""

    def __init__(self, content: str) -> None:
        self._content = content
        changes = content.find('"resource_changes"')
        found = [each for each in _ADDRESS.finditer(content) if "ecr_repository" in each[1]]
        found.sort(key=lambda each: each.start() < changes)
        self._places: dict[str, tuple[int, int]] = {}
        for each in found:
            self._places.setdefault(json.loads(each[1]), each.span(1))
        self._line_starts = [0, *(each.end() for each in re.finditer("\n", content))]

    def of(self, address: str) -> Span:
        """Return the span of an address, the beginning of the file for one that is not found."""
        start, end = self._places.get(address, (0, 0))
        return Span(*self._position(start), *self._position(end))

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1
