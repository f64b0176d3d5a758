"""SAM CLI, RDK and SAM's transform, run as a person would run them, from the environment of the tools."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.local_aws.templates import read_template

ROOT: Final = Path(__file__).parent.parent.parent
TEMPLATE: Final = ROOT / "template.yaml"
DEPLOY: Final = ROOT / "deploy"
MEMBER_ACCOUNT: Final = DEPLOY / "member-account.yaml"
ORGANIZATION_MAY_INVOKE: Final = DEPLOY / "organization-may-invoke.yaml"
SECURITY_HUB: Final = DEPLOY / "security-hub.yaml"
TOOLS: Final = ROOT / ".venv-tools"
REGION: Final = "eu-west-1"
# Variables that would lead a tool to a real AWS, or tie it to the make or coverage that runs these tests.
_FOREIGN: Final = ("AWS_", "SAM_", "MAKE", "MFLAGS", "COVERAGE_")

# As `sam package` would, it puts an object of S3 in the place of the local folder.
_TRANSFORM: Final = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

template, parameters = json.load(sys.stdin)
template["Resources"]["RuleFunction"]["Properties"]["CodeUri"] = "s3://bucket/function.zip"
print(json.dumps(transform(template, parameters, NoManagedPolicies())))
"""


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; when it fails, what it wrote is part of the error."""
    try:
        return subprocess.run(  # noqa: S603 - our own commands
            command, cwd=cwd, env=env, input=text, capture_output=True, text=True, check=True, timeout=600
        )
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}\n{error.stderr}")
        raise


def tool_environment() -> dict[str, str]:
    """Return variables without credentials and without the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "SAM_CLI_TELEMETRY": "0",
    }


def transformed(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return what CloudFormation makes of a template's transform, with these parameters."""
    command = (TOOLS / "bin" / "python", "-c", _TRANSFORM)
    told = run(command, cwd=ROOT, env=tool_environment(), text=json.dumps([template, dict(parameters)])).stdout
    content: dict[str, Any] = json.loads(told)
    return content


@cache
def _transformed_template(parameters: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(transformed(read_template(TEMPLATE), dict(parameters)))


def transformed_template(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return template.yaml after its transform; each set of parameters is transformed once."""
    content: dict[str, Any] = json.loads(_transformed_template(tuple(sorted(parameters.items()))))
    return content
