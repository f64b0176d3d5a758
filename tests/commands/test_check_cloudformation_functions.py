"""The functions of CloudFormation in a policy: what they return, as far as the template says it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from typing import Any

import pytest

from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown
from tests.commands.read_templates import Reading, found_in, outcome_of, principal_in, template_of

ACCOUNTS = """
    Parameters:
      Account: {Type: String, Default: '000011112222'}
      Number: {Type: Number, Default: 111122223333}
      Accounts: {Type: CommaDelimitedList, Default: '111122223333, 444455556666'}
      Ids: {Type: List<Number>, Default: '1,2'}
      Given: {Type: String}
      GivenList: {Type: CommaDelimitedList}
      NoneAllowed: {Type: String, AllowedValues: []}
      Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: '*'}
      StoredList: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /principals}
      Secret: {Type: String, Default: '{{resolve:ssm:/principal}}'}
    Mappings:
      Empty: {}
      Teams:
        build: {accounts: ['111122223333', '444455556666'], one: '111122223333'}
      Regions:
        us-east-1: {account: '111122223333'}
        eu-central-1: {account: '444455556666'}
"""


def values(principal: str, **options: Any) -> Any:
    """Return the values under AWS of a Principal."""
    return principal_in(f"\nAWS: {principal}\n", sections=ACCOUNTS, **options)["AWS"]


class TestRef:
    """Parameters, pseudo parameters and resources."""

    @pytest.mark.parametrize(
        ("reference", "value"),
        [
            ("!Ref Account", "000011112222"),
            ("{Ref: Account}", "000011112222"),
            ('{"Ref": "Account"}', "000011112222"),
            ("!Ref Number", "111122223333"),
            ("!Ref Accounts", ["111122223333", "444455556666"]),
            ("!Ref Ids", ["1", "2"]),
            ("!Ref Given", Unknown("!Ref Given")),
            ("!Ref GivenList", Unknown("!Ref GivenList")),
            ("!Ref NoneAllowed", Unknown("!Ref NoneAllowed")),
            ("!Ref Stored", Unknown("!Ref Stored")),
            ("!Ref Secret", Unknown("{{resolve:ssm:/principal}}")),
            ("!Ref Repository", Unknown("!Ref Repository")),
            ("!Ref AWS::NotificationARNs", Unknown("!Ref AWS::NotificationARNs")),
        ],
    )
    def test_returns_the_value_that_the_template_gives(self, reference: str, value: object) -> None:
        assert values(reference) == value

    def test_value_of_the_command_line_has_precedence_over_the_default(self) -> None:
        assert values("!Ref Account", Account="*") == "*"
        assert values("!Ref GivenList", GivenList="1,*") == ["1", "*"]

    def test_name_of_a_stored_parameter_is_not_its_value(self) -> None:
        assert values("!Ref Stored", Stored="/everyone") == Unknown("!Ref Stored")

    def test_value_of_a_stored_parameter_can_be_given(self) -> None:
        assert values("!Ref Stored", Stored="111122223333") == "111122223333"
        assert values("!Ref StoredList", StoredList="1,2") == ["1", "2"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("AccountId", "111122223333"),
            ("Region", "cn-north-1"),
            ("Partition", "aws-cn"),
            ("URLSuffix", "amazonaws.com.cn"),
        ],
    )
    def test_pseudo_parameter_is_what_the_options_say(self, name: str, text: str) -> None:
        assert values(f"!Ref AWS::{name}", owner="111122223333", region="cn-north-1") == text

    @pytest.mark.parametrize(
        ("name", "text"), [("AccountId", "000000000000"), ("Partition", "aws"), ("URLSuffix", "amazonaws.com")]
    )
    def test_pseudo_parameter_is_one_account_and_partition_without_options(self, name: str, text: str) -> None:
        assert values(f"!Ref AWS::{name}") == text

    def test_no_value_removes_the_element(self) -> None:
        assert values("[!Ref AWS::NoValue, '111122223333']") == ["111122223333"]
        assert principal_in("!Ref AWS::NoValue") is None


class TestGetAtt:
    """Attributes of roles and users of the same template are one named principal."""

    @pytest.mark.parametrize(
        "form", ["!GetAtt Role.Arn", "!GetAtt [Role, Arn]", "{Fn::GetAtt: [Role, Arn]}", "!Sub '${Role.Arn}'"]
    )
    def test_arn_of_a_role_is_one_role_of_the_account(self, form: str) -> None:
        assert values(form) == "arn:aws:iam::000000000000:role/Role"

    def test_arn_of_a_user_has_the_account_and_partition_of_the_options(self) -> None:
        arn = values("!GetAtt User.Arn", owner="111122223333", region="us-gov-west-1")
        assert arn == "arn:aws-us-gov:iam::111122223333:user/User"

    def test_arn_of_another_resource_is_unknown(self) -> None:
        assert values("!GetAtt Repository.Arn") == Unknown("!GetAtt Repository.Arn")

    def test_role_that_sam_adds_to_a_function_is_a_role(self) -> None:
        template = template_of("\nAWS: !GetAtt AppRole.Arn\n") + "  App: {Type: AWS::Serverless::Function}\n"
        assert outcome_of(template).verdict.compliance == "COMPLIANT"

    def test_id_of_a_role_names_one_caller_in_a_pattern(self) -> None:
        condition = "\nStringLike:\n  aws:userid: !Sub '${Role.RoleId}:*'\n"
        outcome = outcome_of(template_of("'*'", Condition=condition))
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())


class TestSub:
    """Both forms."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("!Sub 'arn:aws:iam::${Account}:root'", "arn:aws:iam::000011112222:root"),
            ("!Sub ['arn:aws:iam::${A}:root', {A: !Ref Account}]", "arn:aws:iam::000011112222:root"),
            ("{Fn::Sub: ['${A}${Account}', {A: {Ref: Number}}]}", "111122223333000011112222"),
            ("!Sub '${!aws:PrincipalTag/x}'", "${aws:PrincipalTag/x}"),
            ("!Sub '$ {Account} $Account $'", "$ {Account} $Account $"),
            ("!Sub '${Given}'", Unknown("!Ref Given")),
            ("!Sub 'a${Given}b'", Joined(("a", Unknown("!Ref Given"), "b"))),
            ("!Sub '${Role.Arn}'", "arn:aws:iam::000000000000:role/Role"),
            ("!Sub '${Missing.Arn}'", Unknown("!GetAtt Missing.Arn")),
            ("!Sub ['${A.b}', {A.b: x}]", "x"),
            ("!Sub 'größe-🐳-${Account}'", "größe-🐳-000011112222"),
            ("!Sub 'a-${Accounts}'", "a-111122223333,444455556666"),
            ("!Sub ['a-${A}', {A: !Ref AWS::NoValue}]", Joined(("a-", Unknown("!Ref A")))),
            ("!Sub ['a-${A}', {A: {b: c}}]", Joined(("a-", Unknown("${A}")))),
            ("!Sub ['a-${A}', {A: 1}]", "a-1"),
            ("!Sub '{{resolve:ssm:/x}}'", Unknown("{{resolve:ssm:/x}}")),
        ],
    )
    def test_replaces_names_by_their_values(self, text: str, value: object) -> None:
        assert values(text) == value

    def test_dynamic_reference_whose_name_is_unknown_is_unknown(self) -> None:
        assert isinstance(values("!Sub '{{resolve:ssm:/${Given}}}'"), Unknown)


class TestLists:
    """Join, Select, Split and Length."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("!Join ['', ['arn:aws:iam::', !Ref Account, ':root']]", "arn:aws:iam::000011112222:root"),
            ("!Join [',', !Ref Accounts]", "111122223333,444455556666"),
            ("!Join ['', [a, !Ref AWS::NoValue, 1, true]]", "a1true"),
            ("!Join ['', [a, !Ref Given]]", Joined(("a", Unknown("!Ref Given")))),
            ("!Join [',', !Ref GivenList]", Unknown("!Ref GivenList")),
            ("{Fn::Join: [':', [a, {Fn::Join: ['-', [b, c]]}]]}", "a:b-c"),
            ("!Split [',', 'a,b']", ["a", "b"]),
            ("!Split [',', !Ref Given]", Unknown("!Ref Given")),
            ("!Select [1, !Ref Accounts]", "444455556666"),
            ("!Select ['0', !Split [',', 'a,b']]", "a"),
            ("!Select [0, !Ref GivenList]", Unknown("!Ref GivenList")),
            ("!Select [5, !Ref Accounts]", Unknown("!Select")),
            ("!Select [!Ref Given, !Ref Accounts]", Unknown("!Ref Given")),
            ("!Select [0, [!Ref Account, !Ref Given]]", "000011112222"),
            ("!Select [Fn::Length: [x], !Ref Accounts]", "444455556666"),
        ],
    )
    def test_returns_the_text_or_list(self, text: str, value: object) -> None:
        assert values(text) == value


class TestArnForEachAccount:
    """The usual way to make a list of ARNs from a list of accounts."""

    ARNS = "!Split [',', !Sub ['arn:aws:iam::${A}:root', {A: !Join [':root,arn:aws:iam::', !Ref NAME]}]]"

    def test_known_accounts_are_known_arns(self) -> None:
        arns = ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"]
        assert values(self.ARNS.replace("NAME", "Accounts")) == arns

    def test_unknown_accounts_are_named(self) -> None:
        text = template_of(f"\nAWS: {self.ARNS.replace('NAME', 'GivenList')}\n", sections=ACCOUNTS)
        outcome = outcome_of(text)
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_unknown_element_beside_known_ones_is_unknown(self) -> None:
        arns = "!Split [',', !Sub 'arn:aws:iam::111122223333:root,${Given}']"
        assert values(arns) == ["arn:aws:iam::111122223333:root", Unknown("!Ref Given")]


class TestFindInMap:
    """Keys that are known, unknown, missing."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("!FindInMap [Teams, build, accounts]", ["111122223333", "444455556666"]),
            ("{Fn::FindInMap: [Teams, !Sub 'build', one]}", "111122223333"),
            ("!FindInMap [Teams, none, one]", Unknown("!FindInMap Teams")),
            ("!FindInMap [Teams, none, one, DefaultValue: '111122223333']", "111122223333"),
            ("!FindInMap [None, none, one]", Unknown("!FindInMap None")),
            ("!FindInMap [Empty, !Ref Given, one]", Unknown("!Ref Given")),
        ],
    )
    def test_returns_the_value_of_the_mapping(self, text: str, value: object) -> None:
        assert values(text) == value

    def test_region_of_the_options_is_a_key(self) -> None:
        text = "!FindInMap [Regions, !Ref AWS::Region, account]"
        assert values(text, region="eu-central-1") == "444455556666"

    @pytest.mark.parametrize("key", ["!Ref AWS::Region", "!Ref Given"])
    def test_unknown_key_is_no_finding_where_every_value_is_closed(self, key: str) -> None:
        text = template_of(f"\nAWS: !FindInMap [Regions, {key}, account]\n", sections=ACCOUNTS)
        outcome = outcome_of(text)
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_each_region_of_a_mapping_is_read(self) -> None:
        regions = "".join(f"    r{number}: {{account: '{number:012}'}}\n" for number in range(34))
        principal = "\nAWS: !FindInMap [Regions, !Ref AWS::Region, account]\n"
        outcome = outcome_of(template_of(principal, sections=f"Mappings:\n  Regions:\n{regions}"))
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_unknown_key_is_unknown_where_one_value_is_public(self) -> None:
        sections = ACCOUNTS.replace("account: '444455556666'", "account: '*'")
        outcome = outcome_of(template_of("\nAWS: !FindInMap [Regions, !Ref Given, account]\n", sections=sections))
        assert outcome.unknown == ("!Ref Given",)


class TestUnknown:
    """What only a deployment knows, or another tool."""

    @pytest.mark.parametrize(
        ("text", "reference"),
        [
            ("!ImportValue Other", "!ImportValue Other"),
            ("{Fn::ImportValue: !Sub 'x-${Account}'}", "!ImportValue x-000011112222"),
            ("{Fn::ImportValue: !Join [':', [!Ref Given, Arn]]}", "!ImportValue …:Arn"),
            ("{Fn::ImportValue: !Ref Given}", "!ImportValue"),
            ("!Transform {Name: AWS::Include}", "!Transform"),
            ("{Fn::Transform: {Name: Macro}}", "Fn::Transform"),
            ("{Fn::Transform: {Name: Macro}, Other: 1}", "Fn::Transform"),
            ("!Rain::Embed principals.txt", "!Rain::Embed principals.txt"),
            ("{Fn::Base64: x}", "Fn::Base64"),
            ("!GetAZs ''", "!GetAZs"),
            ("!!binary eA==", "!!binary eA=="),
            ("!Join [a]", "!Join"),
            ("!If [a]", "!If"),
            ("!Sub {}", "!Sub"),
            ("!Sub []", "!Sub"),
            ("!Ref []", "!Ref"),
            ("!Select a", "!Select"),
            ("!Split [a]", "!Split"),
            ("!GetAtt {}", "!GetAtt"),
            ("!FindInMap [a]", "!FindInMap"),
        ],
    )
    def test_reference_is_named(self, text: str, reference: str) -> None:
        assert values(text) == Unknown(reference)

    def test_unknown_sid_does_not_matter(self) -> None:
        outcome = outcome_of(template_of("\nAWS: '111122223333'\n", Sid="!ImportValue Sid"))
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_unknown_principal_is_unknown(self) -> None:
        assert outcome_of(template_of("!ImportValue Everyone")).unknown == ("!ImportValue Everyone",)


class TestForEach:
    """Loops: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html."""

    LOOP = """
        Transform: AWS::LanguageExtensions
        Parameters: {{Names: {{Type: CommaDelimitedList{default}}}}}
        Resources:
          Fn::ForEach::Repositories:
            - Name
            - {collection}
            - Repository&{{Name}}:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryName: !Ref Name
                  RepositoryPolicyText:
                    Statement:
                      - Effect: Allow
                        Principal: {{AWS: !Sub 'arn:aws:iam::111122223333:role/${{Name}}'}}
                        Action: ecr:*
    """

    def test_each_round_is_a_resource(self) -> None:
        read = Reading(self.LOOP.format(collection="[app-a, b]", default=""))
        assert [(each.address, each.repository) for each in read.found] == [
            ("Resources.Repositoryappa", "app-a"),
            ("Resources.Repositoryb", "b"),
        ]
        assert [each.policy["Statement"][0]["Principal"]["AWS"] for each in read.found] == [
            "arn:aws:iam::111122223333:role/app-a",
            "arn:aws:iam::111122223333:role/b",
        ]

    def test_default_of_a_parameter_is_a_collection(self) -> None:
        read = Reading(self.LOOP.format(collection="!Ref Names", default=", Default: 'a,b'"))
        assert read.addresses == ["Resources.Repositorya", "Resources.Repositoryb"]

    def test_unknown_collection_is_one_resource_with_the_name_of_the_loop(self) -> None:
        found = found_in(self.LOOP.format(collection="!Ref Names", default=""))
        assert (found.address, found.repository) == ("Resources.Repository&{Name}", Unknown("${Name}"))

    def test_loop_in_a_policy_is_repeated_there(self) -> None:
        principal = "\nFn::ForEach::Kinds:\n  - Kind\n  - [AWS, Service]\n  - '${Kind}': !Sub '${Kind}-x'\n"
        assert principal_in(principal) == {"AWS": "AWS-x", "Service": "Service-x"}
