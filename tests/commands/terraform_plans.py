"""Terraform plans in their JSON format, for the tests: https://developer.hashicorp.com/terraform/internals/json-format."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, NotReadError
from ecr_exposure.cli.policies_in_plans.terraform_plan import read_terraform_plan

EVERYONE: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
}
ONE_ACCOUNT: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "ecr:BatchGetImage"}
    ],
}
_ADDRESS: Final = re.compile(
    r'(?P<module>(?:module\.\w+(?:\["?\w+"?\])?\.)*)(?P<data>data\.)?(?P<type>\w+)\.(?P<name>\w+)(?:\[(?P<index>.+)\])?'
)


def resource(address: str) -> dict[str, Any]:
    """Return the keys by which a plan names a resource."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None, address
    named: dict[str, Any] = {
        "address": address,
        "mode": "data" if found["data"] else "managed",
        "type": found["type"],
        "name": found["name"],
        "provider_name": "registry.terraform.io/hashicorp/aws",
    }
    if found["module"]:
        named["module_address"] = found["module"].rstrip(".")
    if found["index"]:
        named["index"] = json.loads(found["index"])
    return named


def change(
    address: str,
    after: Mapping[str, Any] | None = None,
    unknown: Mapping[str, Any] | None = None,
    *,
    actions: Sequence[str] = ("create",),
) -> dict[str, Any]:
    """Return an element of resource_changes."""
    content = {"actions": actions, "before": None, "after": after, "after_unknown": unknown or {}}
    return {**resource(address), "change": {**content, "before_sensitive": False, "after_sensitive": {}}}


def block(address: str, expressions: Mapping[str, Any] | None = None, **rest: object) -> dict[str, Any]:
    """Return a resource of the configuration."""
    named = {key: value for key, value in resource(address).items() if key in {"address", "mode", "type", "name"}}
    return {**named, "provider_config_key": "aws", "expressions": expressions or {}, "schema_version": 0, **rest}


def plan(*changes: Mapping[str, Any], **rest: object) -> str:
    """Return a plan of one line, as Terraform writes it."""
    start = {"format_version": "1.2", "terraform_version": "1.13.5", "resource_changes": changes}
    return json.dumps({**start, **rest}, separators=(",", ":"))


def configuration(*blocks: Mapping[str, Any], **rest: object) -> dict[str, Any]:
    """Return the configuration of a plan with these resources in the root module; rest: more of that module."""
    provider = {"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws"}
    return {"provider_config": {"aws": provider}, "root_module": {"resources": blocks, **rest}}


@dataclass
class Read:
    """What a plan was read as, with what was said meanwhile."""

    policies: list[FoundPolicy] = field(default_factory=list)
    problems: list[NotReadError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def policy(self) -> Any:
        """Return the policy of the only resource."""
        (found,) = self.policies
        return found.policy

    @property
    def addresses(self) -> list[str]:
        """Return the addresses in their order."""
        return [each.address for each in self.policies]


def read(content: str, *, owner: str | None = None, region: str | None = None) -> Read:
    """Read a plan. Raises NotReadError."""
    told = Read()
    facts = CodeFacts(owner=owner, region=region, parameters={}, problem=told.problems.append, note=told.notes.append)
    told.policies += read_terraform_plan("plan.json", content, facts)
    return told
