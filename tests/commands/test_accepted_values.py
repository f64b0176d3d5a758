"""Which values a template accepts: its constraints, CloudFormation's limit, and texts that SAM CLI would change."""

from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.values.template_parameters import TemplateParameters, read_content, template_parameters

TEMPLATE: Final = """\
Parameters:
  Shape: { Type: String, AllowedValues: [organization, "true", 365] }
  Count: { Type: Number }
  Short: { Type: String, MaxLength: 5 }
  Name: { Type: String, AllowedPattern: "^$|^[a-z]+$", ConstraintDescription: small letters }
  Bare: { Type: String, AllowedPattern: "[0-9]+" }
  Free: { Type: String }
Resources:
  One: { Type: !Ref AWS::Region, Properties: !If [A, !Sub "${B}", !GetAtt C.D] }
"""


@pytest.fixture
def parameters(tmp_path: Path) -> TemplateParameters:
    """Return the parameters of the template."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return template_parameters(read_content(tmp_path / "template.yaml"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Shape", "true"),
        ("Shape", "365"),
        ("Count", "-1.5"),
        ("Count", "007"),
        ("Short", "12345"),
        ("Name", ""),
        ("Name", "abc"),
        ("Bare", "12"),
        ("Free", "x" * 4096),
        ("Free", "a \"quoted\" 'text' # with \\n"),
    ],
)
def test_value_within_the_constraints_is_accepted(parameters: TemplateParameters, name: str, value: str) -> None:
    assert parameters.problem(name, value) == ""


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("Shape", "True", "Shape: 'True' is not accepted; accepted is one of organization, true, 365"),
        ("Count", "many", "Count: 'many' is not accepted; accepted is a number"),
        ("Count", "", "Count: '' is not accepted; accepted is a number"),
        ("Short", "123456", "Short: '123456' has 6 bytes; accepted are at most 5"),
        ("Name", "abc\n", "Name: 'abc\\n' is not accepted; accepted is small letters"),
        ("Bare", "12a", "Bare: '12a' is not accepted; accepted is what matches [0-9]+"),
        ("Free", "x" * 4097, f"Free: '{'x' * 80}…' has 4,097 bytes; accepted are at most 4,096"),
        ("Free", "ö" * 2049, f"Free: '{'ö' * 80}…' has 4,098 bytes; accepted are at most 4,096"),
        ("Free", "'x'", "Free: \"'x'\" is not accepted, because SAM CLI removes quotes and backslashes from it"),
        ("Free", "a\\ b", "Free: 'a\\\\ b' is not accepted, because SAM CLI removes quotes and backslashes from it"),
        ("Frei", "x", "Frei is not a parameter of template.yaml; did you mean Free?"),
        ("FREE", "x", "FREE is not a parameter of template.yaml; did you mean Free?"),
        ("zzz", "x", "zzz is not a parameter of template.yaml; its parameters are Shape, Count, "
         "Short, Name, Bare, Free"),
    ],
)  # fmt: skip
def test_other_value_is_refused_with_what_is_accepted(
    parameters: TemplateParameters, name: str, value: str, problem: str
) -> None:
    assert parameters.problem(name, value) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "is not valid YAML: while parsing a flow"),
        ("Parameters: &all { A: *all }", "is not a CloudFormation template: it is nested too deeply"),
        ("- a\n", "is not a CloudFormation template with parameters"),
        ("Resources: {}\n", "is not a CloudFormation template with parameters"),
        ("Parameters: { A: x }\n", "is not a CloudFormation template with parameters"),
        ("Parameters: { A: { AllowedPattern: '[' } }\n", "the parameter A is not valid: unterminated character set"),
    ],
)
def test_file_that_is_no_template_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(CannotRunError) as raised:
        template_parameters(read_content(tmp_path / "template.yaml"))
    assert problem in raised.value.message
