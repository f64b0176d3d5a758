"""Conditions of a template: known by parameters, or open; and what a policy is for each answer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
"""

import pytest

from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Alternatives, Unknown
from tests.commands.read_templates import Reading, found_in, outcome_of, principal_in, template_of

SECTIONS = """
    Parameters:
      Stage: {Type: String, Default: dev}
      Open: {Type: String}
      Size: {Type: String, AllowedValues: [small, large]}
    Conditions:
      IsDev: !Equals [!Ref Stage, dev]
      IsProd: {Fn::Equals: [{Ref: Stage}, prod]}
      IsNotDev: !Not [!Condition IsDev]
      Both: !And [!Condition IsDev, !Equals [a, a]]
      One: !Or [{Condition: IsProd}, !Equals ['1', 1]]
      IsOpen: !Equals [!Ref Open, 'yes']
      IsClosed: !Not [Condition: IsOpen]
      IsOther: !Equals [!Ref Open, other]
      DevAndOpen: !And [!Condition IsDev, !Condition IsOpen]
      ProdAndOpen: !And [!Condition IsOpen, !Condition IsProd]
      DevOrOpen: !Or [!Condition IsOpen, !Condition IsDev]
      Here: !Equals [!Ref AWS::Region, us-east-1]
      Mine: !Equals [!Ref AWS::AccountId, '000000000000']
      Invalid: !Contains [a, b]
      Circular: !Not [!Condition Circular]
"""
NAMED = "'111122223333'"


def chosen(condition: str, **options: str) -> object:
    """Return "then" or "else" as the condition is true or false."""
    return principal_in(f"!If [{condition}, then, else]", sections=SECTIONS, **options)


class TestKnownConditions:
    """The template and --parameter say whether they hold."""

    @pytest.mark.parametrize("condition", ["IsDev", "Both", "One", "DevOrOpen"])
    def test_true_condition_returns_the_first_value(self, condition: str) -> None:
        assert chosen(condition) == "then"

    @pytest.mark.parametrize("condition", ["IsProd", "IsNotDev", "ProdAndOpen"])
    def test_false_condition_returns_the_second_value(self, condition: str) -> None:
        assert chosen(condition) == "else"

    @pytest.mark.parametrize(("default", "compared"), [("true", "'true'"), ("yes", "true"), ("1", "'1'"), ("'0'", "0")])
    def test_values_are_compared_as_text(self, default: str, compared: str) -> None:
        sections = (
            f"Parameters: {{A: {{Type: String, Default: {default}}}}}\n"
            f"Conditions: {{C: !Equals [!Ref A, {compared}]}}\n"
        )
        assert principal_in("!If [C, then, else]", sections=sections) == "then"

    def test_parameter_of_the_command_line_decides(self) -> None:
        assert (chosen("IsProd", Stage="prod"), chosen("IsOpen", Open="yes"), chosen("IsOpen", Open="no")) == (
            "then",
            "then",
            "else",
        )

    def test_region_and_owner_of_the_options_decide(self) -> None:
        assert chosen("Here", region="eu-central-1") == "else"
        assert chosen("Mine", owner="111122223333") == "else"

    def test_resource_whose_condition_is_false_is_not_deployed(self) -> None:
        template = template_of("'*'", sections=SECTIONS).replace("Properties:", "Condition: IsProd\n    Properties:")
        reading = Reading(template)
        assert reading.found == []
        (note,) = reading.notes
        assert note.endswith(": Resources.Repository is not deployed: its condition does not hold")
        assert Reading(template, Stage="prod").addresses == ["Resources.Repository"]


class TestOpenConditions:
    """Each answer is evaluated."""

    @pytest.mark.parametrize("condition", ["IsOpen", "DevAndOpen", "Here", "Mine", "Missing", "Circular", "Invalid"])
    def test_policy_has_an_alternative_for_each_answer(self, condition: str) -> None:
        policy = found_in(template_of(f"!If [{condition}, then, else]", sections=SECTIONS)).policy
        assert isinstance(policy, Alternatives)
        assert [each["Statement"][0]["Principal"] for each in policy.policies] == ["then", "else"]

    def test_condition_is_silent_where_both_values_are_closed(self) -> None:
        principal = f"\nAWS: !If [IsOpen, {NAMED}, !GetAtt Role.Arn]\n"
        outcome = outcome_of(template_of(principal, sections=SECTIONS))
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_policy_is_public_where_both_values_are(self) -> None:
        outcome = outcome_of(template_of("!If [IsOpen, '*', {AWS: '*'}]", sections=SECTIONS))
        assert (outcome.verdict.compliance, outcome.unknown) == ("NON_COMPLIANT", ())

    def test_condition_is_named_where_one_value_is_public(self) -> None:
        outcome = outcome_of(template_of(f"!If [IsOpen, '*', {{AWS: {NAMED}}}]", sections=SECTIONS))
        assert (outcome.verdict.compliance, outcome.unknown) == ("NON_COMPLIANT", ("!Ref Open",))

    @pytest.mark.parametrize("values", ["ecr:BatchGetImage, 'ecr:*'", "'ecr:*', ecr:BatchGetImage"])
    def test_verdict_is_that_of_the_value_that_grants_more(self, values: str) -> None:
        outcome = outcome_of(template_of("'*'", sections=SECTIONS, Action=f"!If [IsOpen, {values}]"))
        assert "ecr:SetRepositoryPolicy" in outcome.verdict.grants[0].actions

    def test_value_that_is_unknown_is_named_beside_one_that_is_public(self) -> None:
        outcome = outcome_of(template_of("!If [IsOpen, '*', !ImportValue Other]", sections=SECTIONS))
        assert outcome.unknown == ("!Ref Open", "!ImportValue Other")

    def test_missing_condition_is_named_by_its_name(self) -> None:
        assert outcome_of(template_of("!If [Missing, '*', {AWS: []}]")).unknown == ("!If Missing",)

    def test_condition_element_without_a_value_is_no_condition(self) -> None:
        condition = "!If [IsOpen, {StringEquals: {aws:PrincipalOrgID: o-1234567890}}, !Ref AWS::NoValue]"
        outcome = outcome_of(template_of("'*'", sections=SECTIONS, Condition=condition))
        assert outcome.unknown == ("!Ref Open",)

    def test_one_condition_has_one_answer_in_the_whole_policy(self) -> None:
        text = template_of(
            "!If [IsOpen, '*', {AWS: '111122223333'}]",
            sections=SECTIONS,
            Condition="!If [IsClosed, !Ref AWS::NoValue, {StringEquals: {aws:PrincipalOrgID: o-1234567890}}]",
        )
        outcome = outcome_of(text)
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_one_value_does_not_equal_two_texts(self) -> None:
        principal = f"!If [IsOpen, !If [IsOther, '*', {{AWS: {NAMED}}}], {{AWS: {NAMED}}}]"
        assert outcome_of(template_of(principal, sections=SECTIONS)).unknown == ()

    def test_condition_of_the_resource_holds_where_it_is_deployed(self) -> None:
        template = template_of(f"!If [IsOpen, {{AWS: {NAMED}}}, '*']", sections=SECTIONS)
        outcome = outcome_of(template.replace("Properties:", "Condition: IsOpen\n    Properties:"))
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_each_allowed_value_of_a_parameter_is_an_alternative(self) -> None:
        policy = found_in(template_of("!Ref Size", sections=SECTIONS)).policy
        assert [each["Statement"][0]["Principal"] for each in policy.policies] == ["small", "large"]
        assert policy.references == ("!Ref Size",)

    def test_too_many_alternatives_are_unknown_where_they_stand(self) -> None:
        principals = ", ".join(f"!If [C{number}, {NAMED}, '444455556666']" for number in range(6))
        policy = found_in(template_of(f"\nAWS: [{principals}]\n")).policy
        assert policy["Statement"][0]["Principal"]["AWS"] == [Unknown(f"!If C{number}") for number in range(6)]

    @pytest.mark.parametrize("other", ["!Ref AWS::NoValue", "!If [C1, !Ref AWS::NoValue, o-other00000]"])
    def test_too_many_alternatives_of_which_one_removes_the_condition_are_unknown(self, other: str) -> None:
        organization = f"!If [C0, o-abcdefghij, {other}]"
        condition = f"{{StringEquals: {{aws:PrincipalOrgID: {organization}}}}}"
        names = ", ".join(f"!If [C{number}, '{NAMED[1:-1]}', '444455556666']" for number in range(2, 8))
        found = found_in(f"""
            Resources:
              Repository:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText:
                    Statement:
                      - {{Effect: Allow, Principal: {{AWS: ['*', {names}]}}, Action: 'ecr:*', Condition: {condition}}}
        """)
        assert not isinstance(found.policy, Alternatives)
        for test in ("unconditional", "reachable"):
            assert evaluate(found.policy, test=test).unknown == ("!If C0",)


class TestStatementsOfAlternatives:
    """Where a statement is, if its number depends on a condition."""

    TEMPLATE = """
        Resources:
          Repository:
            Type: AWS::ECR::Repository
            Properties:
              RepositoryPolicyText:
                Statement:
                  - {Effect: Allow, Principal: {AWS: '111122223333'}, Action: 'ecr:*'}
                  - !If [C, {Effect: Allow, Principal: '*', Action: 'ecr:*'}, !Ref AWS::NoValue]
                  - {Effect: Allow, Principal: {AWS: '444455556666'}, Action: 'ecr:*'}
    """

    def test_only_places_on_which_all_alternatives_agree_are_known(self) -> None:
        found = found_in(self.TEMPLATE)
        assert {index: each.statement.line for index, each in found.statements.items()} == {0: 8, 2: 10}

    def test_statement_without_a_value_is_removed(self) -> None:
        outcome = evaluate(found_in(self.TEMPLATE).policy, test="reachable")
        assert (outcome.unknown, outcome.verdict.grants[0].statement) == (("!If C",), 1)
