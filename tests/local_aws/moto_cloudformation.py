"""What moto 5.2.5 does differently when it creates a stack.

It parses every template as YAML, in Python: 0.1 seconds for template.yaml, 100 times as long as JSON.
It ignores the property ManagedPolicyArns of a role. For AWS::NoValue in a list it leaves None, and rejects a managed
policy that has it. It takes the content of an SSM document as text only, and has no default format. It does not know
the outputs of a nested stack.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.cloudformation.models import Stack
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.ssm.models import Document
from moto.utilities.utils import get_partition


@contextmanager
def json_templates() -> Iterator[None]:
    """Let moto parse JSON templates as JSON inside the with block."""
    moto_parse: Callable[[str], dict[str, Any]] = Stack.parse_template

    def parse_template(template: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(template)
        except ValueError:
            return moto_parse(template)
        return content

    with patch.object(Stack, "parse_template", staticmethod(parse_template)):
        yield


@contextmanager
def nested_outputs() -> Iterator[None]:
    """Let moto return the outputs of a nested stack inside the with block."""

    def get_cfn_attribute(self: Stack, name: str) -> str:
        value: str = self.output_map[name.removeprefix("Outputs.")].value
        return value

    with patch.object(Stack, "get_cfn_attribute", get_cfn_attribute, create=True):
        yield


@contextmanager
def documents() -> Iterator[None]:
    """Let moto create the SSM documents of a stack inside the with block."""
    moto_document: Callable[..., Document] = Document.create_from_cloudformation_json

    def document(name: str, content: dict[str, Any], *place: str, **kwargs: Any) -> Document:
        properties = content["Properties"]
        text = {"Content": json.dumps(properties["Content"]), "DocumentFormat": "JSON"}
        return moto_document(name, {**content, "Properties": {**properties, **text}}, *place, **kwargs)

    with patch.object(Document, "create_from_cloudformation_json", staticmethod(document)):
        yield


@contextmanager
def managed_policies() -> Iterator[None]:
    """Let moto create managed policies and attach them to the roles of a stack inside the with block."""
    moto_policy: Callable[..., ManagedPolicy] = ManagedPolicy.create_from_cloudformation_json
    moto_role: Callable[..., Role] = Role.create_from_cloudformation_json

    def policy(name: str, content: dict[str, Any], *place: str, **kwargs: Any) -> ManagedPolicy:
        document = content["Properties"]["PolicyDocument"]
        document["Statement"] = [each for each in document["Statement"] if each is not None]
        return moto_policy(name, content, *place, **kwargs)

    def role(name: str, content: dict[str, Any], account: str, region: str, **kwargs: Any) -> Role:
        created = moto_role(name, content, account, region, **kwargs)
        for arn in content["Properties"].get("ManagedPolicyArns", ()):
            iam_backends[account][get_partition(region)].attach_role_policy(arn, created.name)
        return created

    with (
        patch.object(ManagedPolicy, "create_from_cloudformation_json", staticmethod(policy)),
        patch.object(Role, "create_from_cloudformation_json", staticmethod(role)),
    ):
        yield
