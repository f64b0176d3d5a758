"""CloudFormation templates in JSON, without moto's YAML parser.

moto 5.2.5 parses every template as YAML, in Python: 0.1 seconds for template.yaml, 100 times as long as JSON.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.cloudformation.models import Stack


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
