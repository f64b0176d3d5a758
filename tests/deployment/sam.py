"""SAM CLI, RDK and SAM's transform, run from the environment of the tools."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.local_aws.templates import read_template

ROOT: Final = Path(__file__).parent.parent.parent
TEMPLATE: Final = ROOT / "template.yaml"
DEPLOY: Final = ROOT / "deploy"
MEMBER_ACCOUNT: Final = DEPLOY / "member-account.yaml"
INVOKE_POLICY: Final = DEPLOY / "invoke-policy.yaml"
REMEDIATION: Final = DEPLOY / "remediation.yaml"
RUNBOOK: Final = DEPLOY / "runbook.yaml"
SECURITY_HUB: Final = DEPLOY / "security-hub.yaml"
TOOLS: Final = ROOT / ".venv-tools"
REGION: Final = "eu-west-1"
# Variables that would lead a tool to real AWS, or connect it to the make or coverage that runs these tests.
_FOREIGN: Final = ("AWS_", "SAM_", "MAKE", "MFLAGS", "COVERAGE_")

# Transforms a template for each line of input. Like `sam package`, it replaces the local folder by an S3 URL.
_TRANSFORM: Final = """
import json, sys, traceback
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

for line in sys.stdin:
    template, parameters = json.loads(line)
    template["Resources"]["RuleFunction"]["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    try:
        answer = [transform(template, parameters, NoManagedPolicies()), None]
    except Exception:
        answer = [None, traceback.format_exc()]
    print(json.dumps(answer), flush=True)
"""


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command; if it fails, its output is part of the error."""
    try:
        return subprocess.run(  # noqa: S603 - our own commands
            command, cwd=cwd, env=env, input=text, capture_output=True, text=True, check=True, timeout=600
        )
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}\n{error.stderr}")
        raise


def tool_environment() -> dict[str, str]:
    """Return environment variables without credentials and without the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "SAM_CLI_TELEMETRY": "0",
    }


class Transform:
    """SAM's transform, which CloudFormation runs on a template: one process of the tools transforms all templates."""

    def __init__(self) -> None:
        """Start no process yet."""
        self._process: subprocess.Popen[str] | None = None
        self._transformed: dict[str, str] = {}

    def apply(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return the template after the transform with these parameters; each input is transformed once."""
        line = json.dumps([template, dict(parameters)])
        if line not in self._transformed:
            self._transformed[line] = self._answer(line)
        content, error = json.loads(self._transformed[line])
        assert error is None, error
        transformed: dict[str, Any] = content
        return transformed

    def apply_to_template_yaml(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return template.yaml after the transform with these parameters."""
        return self.apply(read_template(TEMPLATE), parameters)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _answer(self, line: str) -> str:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own code
                (TOOLS / "bin" / "python", "-c", _TRANSFORM),
                env=tool_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process of the transform ended"
        return answer
