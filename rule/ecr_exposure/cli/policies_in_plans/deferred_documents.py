"""Policy documents of a Terraform plan that Terraform reads only during apply, for a part of them is not known before.

The plan has what is known of a data source ``aws_iam_policy_document``, and its configuration names the references of
the rest. A reference to an IAM role or user of the same code stands for one named principal.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.found_policies.unknown_values import Unknown, Value
from ecr_exposure.cli.policies_in_plans.plan_configuration import Configuration, Source
from ecr_exposure.cli.policies_in_plans.plan_resources import ModulePath, PlannedResource, an_object, with_unknown
from ecr_exposure.cli.policies_in_plans.policy_document_arguments import policy_of_arguments
from ecr_exposure.cli.policies_in_terraform.named_by_code import PRINCIPALS, principals_of_code

_TYPE: Final = "aws_iam_policy_document"
_DOCUMENT: Final = re.compile(rf'data\.{_TYPE}\.([^.\[]+)(?:\[([0-9]+|"(?:[^"\\]|\\.)*")\])?(?:\..*)?')
_REFERENCE: Final = re.compile(
    r'(data\.)?([^.\[]+)\.([^.\[]+)(?:\[(?:[^"\]]*|"(?:[^"\\]|\\.)*")\])?(?:\.([^.\[]+))?(?:[.\[].*)?', re.DOTALL
)
# What a principal can be made of: a name is no wildcard, and a reference to all instances has no attribute.
_OF_PRINCIPALS: Final = ("arn", "id", "name", None)
# Each is one account, partition or Region: a principal made of them names somebody.
_OF_THE_CALLER: Final = ("aws_caller_identity", "aws_partition", "aws_region")
_PROVIDER: Final = "provider_config_key"
_BLOCKS: Final = ("principals", "not_principals", "condition")
_OTHERS: Final = ("source_json", "source_policy_documents", "override_policy_documents", "override_json")


class Account(NamedTuple):
    """The account of the code, for ARNs of its roles and users."""

    account: str
    partition: str

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource of IAM."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredDocuments:
    """All documents of a plan that are read during apply, by module and name; the values are instances of each."""

    configuration: Configuration
    documents: Mapping[tuple[ModulePath, str], list[PlannedResource]]

    @classmethod
    def of(cls, configuration: Configuration, resources: Iterable[PlannedResource]) -> "DeferredDocuments":
        """Return those among all resources of a plan."""
        documents: dict[tuple[ModulePath, str], list[PlannedResource]] = {}
        for each in resources:
            if each.mode == "data" and each.type == _TYPE and each.is_unknown("json"):
                documents.setdefault((each.module, each.name), []).append(each)
        return cls(configuration=configuration, documents=documents)

    def policy(
        self, sources: Iterable[Source], account: Account, index: int | str | None, inside: frozenset[str] = frozenset()
    ) -> Value | None:
        """Return the policy of the one deferred document that a value comes from; None if it can be another value.

        index: of the resource that has the value. inside: addresses of the documents that the value is a part of.
        """
        found: dict[str, PlannedResource] = {}
        for source in sources:
            if source.is_no_text:
                continue
            if (named := _DOCUMENT.fullmatch(source.reference)) is None:
                return None
            # Without instances here, the document is known: the unknown value comes from another one.
            instances = self.documents.get((source.module, named[1]), [])
            if named[2] or len(instances) > 1:
                wanted = json.loads(named[2]) if named[2] else index
                instances = [each for each in instances if each.index == wanted]
            found |= {each.address: each for each in instances}
        if len(found) != 1 or not inside.isdisjoint(found):
            return None
        ((address, resource),) = found.items()
        return _Document(resource, account, self).policy(inside | {address})


class _Document(NamedTuple):
    """One document that is read during apply."""

    resource: PlannedResource
    account: Account
    others: DeferredDocuments

    def policy(self, inside: frozenset[str]) -> Value:
        """Return the policy."""
        values, unknown, place = self.resource.values, self.resource.unknown, self.resource.address
        arguments = {
            name: with_unknown(values.get(name), unknown.get(name), f"{place}.{name}") for name in {**values, **unknown}
        }
        block = self.others.configuration.block_of(self.resource)
        expressions = an_object(an_object(block).get("expressions"))
        for name in _OTHERS:
            arguments[name] = self._other_documents(arguments.get(name), self._sources(expressions.get(name)), inside)
        arguments["statement"] = self._statements(arguments.get("statement"), expressions.get("statement"))
        return policy_of_arguments(arguments)

    def _sources(self, *expressions: object) -> list[Source]:
        return self.others.configuration.sources(self.resource.module, *expressions)

    def _other_documents(self, value: Value, sources: list[Source], inside: frozenset[str]) -> Value:
        """Return the documents of an argument; if one alone is not known, it is the one that is read during apply."""
        documents = value if isinstance(value, list) else [value]
        if sum(isinstance(each, Unknown) for each in documents) != 1 or not sources:
            return value
        policy = self.others.policy(sources, self.account, self.resource.index, inside) or _unknown(sources)
        return [policy if isinstance(each, Unknown) else each for each in documents]

    def _statements(self, value: Value, expressions: object) -> Value:
        # Blocks of `dynamic` are not in the configuration; the places agree only if there are none.
        if not isinstance(value, list) or not isinstance(expressions, list) or len(value) != len(expressions):
            return value
        return [self._statement(each, an_object(found)) for each, found in zip(value, expressions, strict=True)]

    def _statement(self, statement: Value, expressions: Mapping[str, Any]) -> Value:
        if not isinstance(statement, Mapping):
            return statement
        found = {name: self._named(value, expressions.get(name)) for name, value in statement.items()}
        for name in _BLOCKS:
            blocks, inner = statement.get(name), expressions.get(name)
            if isinstance(blocks, list) and isinstance(inner, list) and len(blocks) == len(inner):
                found[name] = [self._block(each, [an_object(one) for one in inner]) for each in blocks]
        return found

    def _block(self, block: Value, expressions: list[Mapping[str, Any]]) -> Value:
        """Return a block, whose place may differ from that in the configuration: such blocks are a set."""
        if not isinstance(block, Mapping):
            return block
        same = [each for each in expressions if _can_be(block, each)] or expressions
        found = {name: self._named(value, *(each.get(name) for each in same)) for name, value in block.items()}
        if block.get("type") in ("AWS", "Federated") and isinstance(block.get("identifiers"), list):
            sources = self._sources(*(each.get("identifiers") for each in same))
            found["identifiers"] = self._principals(found["identifiers"], sources)
        return found

    def _named(self, value: Value, *expressions: object) -> Value:
        """Return a value whose unknown parts name the references of the configuration, where it has them."""
        sources = self._sources(*expressions)
        if isinstance(value, Unknown):
            return _unknown(sources) if sources else value
        if isinstance(value, list) and sources:
            return [_unknown(sources) if isinstance(each, Unknown) else each for each in value]
        return value

    def _principals(self, identifiers: list[Value], sources: list[Source]) -> list[Value]:
        """Return principals in place of elements that come from nothing but roles, users and accounts of the code."""
        known = [each for each in identifiers if not isinstance(each, Unknown)]
        if len(known) == len(identifiers):
            return identifiers
        found = [self._named_by(each) for each in sources if not each.is_no_text and not _is_one_text(each)]
        lists = [each for each in found if each is not None]
        if not found or len(lists) < len(found):
            return identifiers
        named = [each for values in lists for each in values]
        return [*known, *(named or [self.account.arn("root")])]

    def _named_by(self, source: Source) -> list[Value] | None:
        """Return the principals that a reference names, [] for a part of one; None if it can be everyone."""
        found = _REFERENCE.fullmatch(source.reference)
        if found is None:
            return None
        data, kind, name, attribute = found.groups()
        has_same_account = self._has_same_provider(source.module, "data" if data else "managed", kind, name)
        if data and kind in _OF_THE_CALLER and (has_same_account or kind != "aws_caller_identity"):
            return []
        if kind in PRINCIPALS and attribute in _OF_PRINCIPALS:
            if has_same_account:
                return [self.account.arn(f"{PRINCIPALS[kind]}/{name}")]
            attribute = "arn"
        full = f"data {kind}" if data else kind
        return principals_of_code(full, name, attribute or "", self.account.partition)

    def _has_same_provider(self, module: ModulePath, *names: str) -> bool:
        """Return whether a resource is in the account of this document, as far as the plan says it."""
        other, own = self.others.configuration.block(module, *names), self.others.configuration.block_of(self.resource)
        return not other or not own or other.get(_PROVIDER) == own.get(_PROVIDER)


def references_of(sources: Iterable[Source]) -> str:
    """Return the references that decide a value, as one text; constants only if there is nothing else."""
    found = list(sources)
    return ", ".join(dict.fromkeys(str(each) for each in found if not each.is_no_text)) or ", ".join(map(str, found))


def _unknown(sources: Iterable[Source]) -> Unknown:
    return Unknown(references_of(sources))


def _is_one_text(source: Source) -> bool:
    """Return whether a part of a principal is known, and does not name everyone."""
    return isinstance(source.constant, str) and "*" not in source.constant


def _can_be(block: Mapping[str, Value], expressions: Mapping[str, Any]) -> bool:
    """Return whether a block can be the one of the configuration: no constant in it differs."""
    constants = {
        name: expression["constant_value"]
        for name, expression in expressions.items()
        if isinstance(expression, Mapping) and "constant_value" in expression
    }
    return all(block.get(name) == value for name, value in constants.items())
