"""How a corrected policy becomes the policy of a repository: in the console, by the AWS CLI, Terraform, CloudFormation.

Each text is generated from the corrected policy, so that nothing is to be translated by hand.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from ecr_exposure.cli.aws_calls import printable
from ecr_exposure.cli.remediation.policy_text import pretty, within_limit
from ecr_exposure.findings.grants import Grant
from ecr_exposure.policy.json_values import an_object, describe, elements

CORRECTED_FILE: Final = "corrected-policy.json"
_SET_PAGE: Final = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/set-repository-policy.html"
_DELETE_PAGE: Final = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete-repository-policy.html"
# Elements whose names are no other YAML value; all other strings are quoted.
_PLAIN_IN_YAML: Final = frozenset(
    "Resources Type Properties RepositoryName RepositoryPolicyText AWS::ECR::Repository Version Id Statement Sid Effect"
    " Principal NotPrincipal Action NotAction Condition AWS Service Federated Allow Deny".split()
)
_ACCOUNT: Final = re.compile(r"([0-9]{12})|arn:[a-z-]+:iam::([0-9]{12}):root")
_LONGEST_LINE: Final = 10_000
_IN_FORM: Final = frozenset(("Sid", "Effect", "Principal", "Action"))


def how_to_apply(
    policy: Mapping[str, Any] | None, *, repository: str, region: str | None, statements: Iterable[Grant]
) -> Mapping[str, str]:
    """Return how to apply a corrected policy, None to delete it, by console, cli, terraform and cloudformation.

    statements: the grants that the policy had before the correction.
    """
    names = tuple(dict.fromkeys(_name(grant.sid, grant.statement) for grant in statements))
    return {
        "console": "\n".join(_console(policy, repository, region, names)) + "\n",
        "cli": _cli(policy, repository, region),
        "terraform": _terraform(policy, repository),
        "cloudformation": _cloudformation(policy, repository),
    }


def _name(sid: object, index: int) -> str:
    return f"statement {describe(sid)}" if isinstance(sid, str) else f"Statement[{index}]"


def _console(
    policy: Mapping[str, Any] | None, repository: str, region: str | None, public: Sequence[str]
) -> Iterator[str]:
    """Yield the lines of the steps, in the words of AWS's page."""
    yield f"Page: {_DELETE_PAGE if policy is None else _SET_PAGE}"
    statements = () if policy is None else elements(policy.get("Statement", ()))
    named = [(_name(each.get("Sid"), index), each) for index, each in enumerate(map(an_object, statements))]
    others = [name for name, statement in named if not _fits_the_form(statement)]
    if others:
        yield f"This page does not describe fields for all of {', '.join(others)}, such as a Condition."
        yield "For a policy that the console does not support, it refers to set-repository-policy of the AWS CLI."
        return
    yield f"1. Open the Amazon ECR console in {f'the Region {region}' if region else 'the Region of the repository'}."
    yield f"2. Choose Repositories, {repository}, Permissions, Edit."
    if policy is None:
        yield "3. Choose Delete for every statement."
        return
    yield f"3. In {', '.join(public)} (Effect Allow), clear Everyone (*), and enter what this list has for it."
    yield "   Delete the statements and values that are not in the list, so that these are left:"
    for name, statement in named:
        yield f"   - {name if 'Sid' in statement else 'a statement without a Sid'}"
        yield from (f"     {field}" for field in _fields(statement))
    yield "4. Choose Save."


def _fits_the_form(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    known = principal == "*" or (isinstance(principal, Mapping) and principal.keys() <= {"AWS", "Service"})
    return known and statement.keys() <= _IN_FORM


def _fields(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of the console and what to enter; a policy without a known form is not asked."""
    principal = statement["Principal"]
    values = {"AWS": principal} if isinstance(principal, str) else principal
    named = [str(each) for each in elements(values.get("AWS", ())) if each != "*"]
    accounts = {each: found[1] or found[2] for each in named if (found := _ACCOUNT.fullmatch(each))}
    fields = {
        "Effect": (statement["Effect"],),
        "Everyone (*)": ("selected",) if "*" in elements(values.get("AWS", ())) else (),
        "Service principal": elements(values.get("Service", ())),
        "AWS Account IDs": tuple(accounts.values()),
        "IAM Entities": tuple(each for each in named if each not in accounts),
        "Actions": elements(statement["Action"]),
    }
    for field, entries in fields.items():
        if entries:
            yield f"{field}: {printable(', '.join(map(str, entries)))}"


def _cli(policy: Mapping[str, Any] | None, repository: str, region: str | None) -> str:
    at = f" --region {shlex.quote(region)}" if region else ""
    if policy is None:
        return f"aws ecr delete-repository-policy --repository-name {shlex.quote(repository)}{at}\n"
    text = within_limit(policy).removesuffix("\n")
    write = f"cat > {CORRECTED_FILE} <<'EOF'\n{text}\nEOF\n"  # no line of JSON is EOF
    command = f"aws ecr set-repository-policy --repository-name {shlex.quote(repository)}{at}"
    return f"{write}{command} --policy-text file://{CORRECTED_FILE}\n"


def _terraform(policy: Mapping[str, Any] | None, repository: str) -> str:
    """Return the resource; the policy is a here document, whose JSON Terraform takes as it is.

    https://developer.hashicorp.com/terraform/language/expressions/strings
    https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecr_repository_policy
    """
    if policy is None:
        return f"# Delete the resource aws_ecr_repository_policy of the repository {json.dumps(repository)}.\n"
    name = re.sub(r"[^a-z0-9_]", "_", repository.lower())
    lines = (
        f'resource "aws_ecr_repository_policy" "{name if name[:1].isalpha() else f"_{name}"}" {{',
        f"  repository = {_literal(json.dumps(repository, ensure_ascii=False))}",
        f"  policy     = <<EOT\n{_literal(pretty(policy))}EOT",
        "}",
    )
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    # $${ is a literal ${. What precedes it would be read with it, so a $ before becomes an escape of JSON, and of HCL.
    return re.sub(r"([$%])\{", r"\1\1{", re.sub(r"\$(?=\$+\{)", r"\\u0024", re.sub(r"%(?=%+\{)", r"\\u0025", text)))


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text in _PLAIN_IN_YAML else '"')


def _dumper(base: Any) -> Any:  # noqa: ANN401 - PyYAML's types have no class of libyaml
    """Return what writes strings in double quotes, but for the names of elements, and nothing by reference."""
    members = {"ignore_aliases": lambda _self, _data: True}
    dumper: Any = type("Dumper", (base,), members)
    dumper.add_representer(str, _string)
    return dumper


_DUMPER: Final = _dumper(yaml.SafeDumper)
# libyaml writes the same text in a fifth of the time.
_FAST_DUMPER: Final = _dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper))


def _yaml(content: object) -> str:
    try:
        return yaml.dump(content, Dumper=_FAST_DUMPER, sort_keys=False, width=_LONGEST_LINE)
    except UnicodeEncodeError:  # libyaml takes no lone surrogate
        return yaml.dump(content, Dumper=_DUMPER, sort_keys=False, width=_LONGEST_LINE)


def _cloudformation(policy: Mapping[str, Any] | None, repository: str) -> str:
    """Return the resource.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
    """
    if policy is None:
        return f"# Delete the property RepositoryPolicyText of the repository {json.dumps(repository)}.\n"
    name = "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", repository.lower())) or "Repository"
    properties = {"RepositoryName": repository, "RepositoryPolicyText": policy}
    template = {"Resources": {name: {"Type": "AWS::ECR::Repository", "Properties": properties}}}
    note = "# The property for the resource in your template; its other properties are not here.\n"
    return note + _yaml(template)
