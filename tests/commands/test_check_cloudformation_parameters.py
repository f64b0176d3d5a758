"""Parameters of a template without a value: what their type and AllowedPattern say about it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from typing import Final

import pytest

from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from tests.commands.check_command import Check, write
from tests.commands.read_templates import found_in, outcome_of, template_of

PRINCIPAL = "\nAWS: !Ref Reader\n"


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


def outcome(declared: str, principal: str = PRINCIPAL, *, test: str = "unconditional") -> Outcome:
    """Return the evaluation of a policy whose principal is a parameter that is declared so."""
    template = template_of(principal, sections=f"Parameters: {{Reader: {{{declared}}}}}")
    return evaluate(found_in(template).policy, test=test, owner="444455556666")


class TestValuesWithoutAWildcard:
    """They name a principal, or nobody: never everyone."""

    @pytest.mark.parametrize(
        "declared",
        [
            "Type: Number",
            "Type: List<Number>",
            *(
                f"Type: String, AllowedPattern: '{pattern}'"
                for pattern in (
                    r"\d{12}",
                    r"^\d{12}$",
                    "^[0-9]{12,12}$",
                    r"^$|^\d{12}$",
                    r"arn:(?:aws|aws-cn):iam::\d+:(root|role\/[\w+=,.@-]+)",
                    "arn:aws(-[a-z]+)*:iam::[0-9]+:user/[-a-zA-Z_0-9]*?",
                )
            ),
            r"Type: CommaDelimitedList, AllowedPattern: '\d{12}'",
            "Type: CommaDelimitedList, AllowedValues: ['111122223333', 222233334444]",
        ],
    )
    def test_no_value_opens_the_repository(self, declared: str) -> None:
        found = outcome(declared, test="reachable")
        assert (found.verdict.compliance, found.unknown) == ("COMPLIANT", ())

    @pytest.mark.parametrize(
        "principal",
        [
            "\nAWS: [!Ref Reader, '111122223333']\n",
            "\nAWS: !Sub '${Reader}'\n",
            '\nFn::Sub: \'{"AWS": "${Reader}"}\'\n',
        ],
    )
    def test_value_is_known_not_to_be_everyone_wherever_it_is(self, principal: str) -> None:
        assert outcome("Type: Number", principal).unknown == ()

    @pytest.mark.parametrize("element", ["!Select [0, !Ref Reader]", "!Select ['1', !Split [',', !Ref Reader]]"])
    def test_element_of_such_a_list_is_no_wildcard(self, element: str) -> None:
        assert outcome("Type: List<Number>", f"\nAWS: {element}\n").unknown == ()

    def test_wildcard_beside_it_is_public(self) -> None:
        found = outcome("Type: Number", "\nAWS: [!Ref Reader, '*']\n")
        assert (found.verdict.compliance, found.unknown) == ("NON_COMPLIANT", ())

    def test_account_may_be_outside_the_zone_of_trust(self) -> None:
        assert outcome("Type: Number", test="external").unknown == ("!Ref Reader",)

    def test_principal_of_a_deny_denies_not_everyone(self) -> None:
        deny = template_of(PRINCIPAL, sections="Parameters: {Reader: {Type: Number}}", Effect="Deny")
        allow = "          - {Effect: Allow, Principal: '*', Action: 'ecr:*'}\n"
        found = outcome_of(deny + allow)
        assert (found.verdict.compliance, found.unknown) == ("NON_COMPLIANT", ())

    def test_exception_of_a_deny_may_be_no_principal_at_all(self) -> None:
        deny = template_of("'*'", sections="Parameters: {Reader: {Type: Number}}")
        exception = "          - {Effect: Deny, NotPrincipal: {AWS: !Ref Reader}, Action: 'ecr:*'}\n"
        assert outcome_of(deny + exception).unknown == ("!Ref Reader",)


class TestValuesThatCanBeAWildcard:
    """They stay unknown."""

    @pytest.mark.parametrize(
        "pattern",
        [
            ".*",
            r"\S+",
            r"\*",
            r"\d{12}|\*",
            "[*]",
            "[^a-z]+",
            "[ -~]+",
            "[)-+]",
            "[A-z]",
            r"[\d-z]",
            "[a-c&&b]",
            "[a[*]]",
            r"\x2a",
            r"\u002a",
            r"\052",
            r"\Q*\E",
            r"\p{Punct}",
            r"\W",
            "(?s)a",
            "(?=a)",
            r"\$\{a\}",
            "[",
            "\\",
        ],
    )
    def test_pattern_that_accepts_more_or_is_not_understood_proves_nothing(self, pattern: str) -> None:
        assert outcome(f"Type: String, AllowedPattern: '{pattern}'").unknown == ("!Ref Reader",)

    @pytest.mark.parametrize(
        "declared",
        [
            "Type: String",
            "Type: String, MinLength: 12, MaxLength: 12",
            "Type: CommaDelimitedList, AllowedValues: ['111122223333', '*']",
            "Type: CommaDelimitedList, AllowedValues: ['111122223333', '{{resolve:ssm:/x}}']",
            "Type: CommaDelimitedList, AllowedValues: []",
            r"Type: AWS::SSM::Parameter::Value<String>, AllowedPattern: '\d{12}'",  # of the name of the stored value
        ],
    )
    def test_parameter_without_a_pattern_of_its_value_is_unknown(self, declared: str) -> None:
        assert outcome(declared).unknown == ("!Ref Reader",)

    def test_federated_provider_can_be_one_that_everyone_can_use(self) -> None:
        pattern = r"Type: String, AllowedPattern: '[a-z.]+'"
        assert outcome(pattern, "\nFederated: !Ref Reader\n").unknown == ("!Ref Reader",)


class TestOtherAllowedValues:
    """A default is the value, and another allowed value can be that of a later deployment."""

    NOTE: Final = "other allowed values of !Ref Reader can make it public: check each one with --parameter"

    @pytest.mark.parametrize(
        ("declared", "notes"),
        [
            ("Type: String, Default: '111122223333', AllowedValues: ['111122223333', '*']", [NOTE]),
            ("Type: CommaDelimitedList, Default: '111122223333', AllowedValues: ['111122223333', '*']", [NOTE]),
            ("Type: String, Default: '111122223333', AllowedValues: ['111122223333', '444455556666']", []),
            ("Type: String, Default: '111122223333'", []),
        ],
    )
    def test_value_that_makes_a_closed_policy_public_is_a_note(
        self, declared: str, notes: list[str], check: Check
    ) -> None:
        write("app.yaml", template_of(PRINCIPAL, sections=f"Parameters: {{Reader: {{{declared}}}}}"))
        (policy,) = check.json(".").document["policies"]
        assert (policy["result"], policy["notes"]) == ("not public", notes)
        table = check(".")
        assert (table.code, table.out.count(self.NOTE)) == (0, len(notes))

    def test_values_of_many_parameters_are_tried_one_by_one(self, check: Check) -> None:
        declared = "{Type: String, Default: '111122223333', AllowedValues: ['111122223333', OTHER]}"
        names = [f"Reader{index}" for index in range(9)]
        parameters = ", ".join(
            f"{name}: {declared.replace('OTHER', each)}"
            for name, each in zip(names, ["'*'", *["'444455556666'"] * 8], strict=True)
        )
        principal = f"\nAWS: [{', '.join(f'!Ref {name}' for name in names)}]\n"
        write("app.yaml", template_of(principal, sections=f"Parameters: {{{parameters}}}"))
        (policy,) = check.json(".").document["policies"]
        assert (policy["result"], policy["notes"]) == ("not public", [self.NOTE.replace("Reader", "Reader0")])

    def test_tags_keep_the_default(self) -> None:
        declared = "Reader: {Type: String, Default: '111122223333', AllowedValues: ['111122223333', '*']}"
        template = template_of(PRINCIPAL, sections=f"Parameters: {{{declared}}}")
        tagged = template.replace(
            "    Properties:\n", "    Properties:\n      Tags: [{Key: reader, Value: !Ref Reader}]\n"
        )
        found = found_in(tagged)
        assert (found.tags, len(found.with_other_values)) == ({"reader": "111122223333"}, 1)

    def test_value_that_is_given_has_no_others(self, check: Check) -> None:
        declared = "Type: String, Default: '*', AllowedValues: ['111122223333', '*']"
        write("app.yaml", template_of(PRINCIPAL, sections=f"Parameters: {{Reader: {{{declared}}}}}"))
        (policy,) = check.json(".", "--parameter", "Reader=111122223333").document["policies"]
        assert (policy["result"], policy["notes"]) == ("not public", [])
