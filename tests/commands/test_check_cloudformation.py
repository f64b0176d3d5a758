"""Repository policies in CloudFormation and SAM templates: forms, places, and what is no policy."""

import json
from itertools import pairwise
from textwrap import dedent
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span, StatementSpan
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown
from ecr_exposure.policy.json_values import DuplicateKey
from tests.commands.read_templates import Reading, found_in

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}
TEXT = json.dumps(POLICY)


def repository(properties: str, *, beside: str = "") -> FoundPolicy:
    """Return what is found for one repository with these properties, in flow style."""
    return found_in(f"Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Properties: {properties}\n{beside}")


class TestForms:
    """What the property can be: an object, text, or a function that returns one of them."""

    @pytest.mark.parametrize(
        "written",
        [
            TEXT,
            f"'{TEXT}'",
            f"!Sub '{TEXT}'",
            f"!Sub ['{TEXT}', {{}}]",
            f"{{Fn::ToJsonString: {TEXT}}}",
            f"!ToJsonString {TEXT}",
            f"!Join ['', ['{TEXT[:30]}', '{TEXT[30:]}']]",
            "{Version: 2012-10-17, Statement: [{Effect: Allow, Principal: '*', Action: ecr:*}]}",
        ],
    )
    def test_policy_is_the_same_in_each_form(self, written: str) -> None:
        found = repository(f"{{RepositoryPolicyText: {written}}}")
        assert found.policy == POLICY
        assert (found.kind, found.file, found.address) == (Kind.CLOUDFORMATION, "app.yaml", "Resources.App")

    def test_policy_of_a_creation_template_is_text(self) -> None:
        found = found_in(
            f"Resources: {{T: {{Type: 'AWS::ECR::RepositoryCreationTemplate', Properties: {{RepositoryPolicy: '{TEXT}',"
            " ResourceTags: [{Key: team, Value: build}], Prefix: ROOT}}}"
        )
        assert (found.policy, found.tags, found.repository) == (POLICY, {"team": "build"}, None)

    def test_json_template_is_read_as_yaml_is(self) -> None:
        resource = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryPolicyText": POLICY}}
        found = found_in(json.dumps({"Resources": {"App": resource}}), file="app.json")
        assert (found.policy, found.address) == (POLICY, "Resources.App")

    def test_unknown_part_of_a_text_is_unknown_in_the_policy(self) -> None:
        text = TEXT.replace('"*"', '{"AWS": "${Everyone}"}')
        found = repository(f"{{RepositoryPolicyText: !Sub '{text}'}}")
        assert found.policy["Statement"][0]["Principal"] == {"AWS": Unknown("!Ref Everyone")}

    def test_unknown_value_in_the_text_of_an_object_is_unknown_in_the_policy(self) -> None:
        written = (
            "!Sub ['${P}', {P: !ToJsonString {Statement: [{Effect: Allow, Principal: !ImportValue x, Action: 'a:b'}]}}]"
        )
        found = repository(f"{{RepositoryPolicyText: {written}}}")
        assert found.policy["Statement"][0]["Principal"] == Unknown("!ImportValue x")

    def test_unknown_part_of_a_string_in_an_object_is_unknown_in_the_policy(self) -> None:
        written = "!Sub ['${P}', {P: !ToJsonString {Statement: [{Principal: {AWS: !Sub 'x${Id}'}}]}}]"
        found = repository(f"{{RepositoryPolicyText: {written}}}")
        assert found.policy["Statement"][0]["Principal"] == {"AWS": Joined(("x", Unknown("!Ref Id")))}

    def test_text_that_is_no_json_stays_text(self) -> None:
        assert repository("{RepositoryPolicyText: 'no json'}").policy == "no json"

    def test_number_is_text_but_in_a_condition(self) -> None:
        found = repository(
            "{RepositoryPolicyText: {Statement: [{Sid: 1, Effect: Allow, Principal: {AWS: [111122223333, 000011112222]}"
            ", Action: 'ecr:*', Condition: {Bool: {a: true}, NumericLessThan: {b: 5}, StringEquals: {c: 'true'}}}]}}"
        )
        assert found.policy["Statement"][0] == {
            "Sid": "1",
            "Effect": "Allow",
            "Principal": {"AWS": ["111122223333", "000011112222"]},
            "Action": "ecr:*",
            "Condition": {"Bool": {"a": True}, "NumericLessThan": {"b": 5}, "StringEquals": {"c": "true"}},
        }

    @pytest.mark.parametrize(
        ("statement", "place"),
        [
            ("{Effect: Allow, Effect: Deny, Principal: '*', Action: 'ecr:*'}", "Statement[0]: duplicate key"),
            ("{Effect: Allow, Principal: {AWS: a, AWS: b}, Action: 'ecr:*'}", "Statement[0].Principal: duplicate key"),
        ],
    )
    def test_duplicate_key_of_a_policy_cannot_be_evaluated(self, statement: str, place: str) -> None:
        found = repository(f"{{RepositoryPolicyText: {{Statement: [{statement}]}}}}")
        assert str(evaluate(found.policy).verdict.problem).startswith(place)

    def test_two_policies_of_one_repository_cannot_be_evaluated(self) -> None:
        found = repository("{RepositoryPolicyText: {Statement: []}, RepositoryPolicyText: {Statement: []}}")
        assert isinstance(found.policy, DuplicateKey)
        assert evaluate(found.policy).verdict.problem is not None


class TestNoPolicy:
    """A repository without a policy is found, without one."""

    @pytest.mark.parametrize(
        "properties",
        [
            "",
            "{}",
            "[]",
            "text",
            "{RepositoryName: app}",
            "{RepositoryPolicyText: }",
            "{RepositoryPolicyText: ''}",
            "{RepositoryPolicyText: !Ref AWS::NoValue}",
            "{RepositoryPolicyText: !If [Never, {}, !Ref AWS::NoValue]}",
        ],
    )
    def test_repository_has_no_policy(self, properties: str) -> None:
        found = repository(properties, beside="Conditions: {Never: !Equals [a, b]}\n")
        assert (found.policy, found.statements) == (None, {})

    @pytest.mark.parametrize("statement", ["", "text", "[null]", "5", "[[]]"])
    def test_statement_that_is_none_cannot_be_evaluated(self, statement: str) -> None:
        found = repository(f"{{RepositoryPolicyText: {{Statement: {statement}}}}}")
        assert evaluate(found.policy).verdict.problem is not None

    @pytest.mark.parametrize("properties", ["!Transform {Name: x}", "{Fn::Transform: {Name: x}, RepositoryName: a}"])
    def test_properties_of_a_macro_are_unknown(self, properties: str) -> None:
        assert isinstance(repository(properties).policy, Unknown)


class TestResources:
    """The facts about a repository beside its policy."""

    def test_name_tags_and_path_of_the_cdk_are_found(self) -> None:
        found = found_in("""
            Resources:
              AppBAF26A78:
                Type: AWS::ECR::Repository
                Metadata: {'aws:cdk:path': Stack/App/Resource}
                Properties:
                  RepositoryName: !Sub 'app-${AWS::AccountId}'
                  Tags: [{Key: team, Value: build}]
        """)
        assert (found.repository, found.tags) == ("app-000000000000", {"team": "build"})
        assert found.cdk_path == "Stack/App/Resource"

    def test_name_can_have_unknown_parts(self) -> None:
        assert repository("{RepositoryName: !Sub 'app-${Stage}'}").repository == Joined(("app-", Unknown("!Ref Stage")))

    @pytest.mark.parametrize("tags", ["[]", "[{Key: a, Value: !Ref B}]", "[a]", "!Ref Tags", "{a: b}"])
    def test_tags_that_are_not_all_known_are_not_known(self, tags: str) -> None:
        assert repository(f"{{Tags: {tags}}}").tags == ({} if tags == "[]" else None)

    def test_every_document_and_every_list_of_resources_is_read(self) -> None:
        read = Reading(
            dedent("""
                Resources: {A: {Type: AWS::ECR::Repository}, B: {Type: AWS::S3::Bucket}}
                ---
                Resources: {A: {Type: AWS::ECR::Repository}}
                ---
                resources:
                  - Resources: {C: {Type: AWS::ECR::Repository}}
                  - ${file(other.yml)}
                  - Resources: {D: {Type: AWS::ECR::Repository}}
                ---
                resources: {Resources: {E: {Type: AWS::ECR::Repository}}}
            """)
        )
        names = ["A", "A#2", "C", "D", "E"]
        assert (read.addresses, read.problems) == ([f"Resources.{name}" for name in names], [])

    def test_aliases_and_merge_keys_are_followed(self) -> None:
        read = Reading(
            dedent("""
                Resources:
                  A: &a
                    Type: AWS::ECR::Repository
                    Properties: &properties
                      RepositoryPolicyText: {Statement: &statements [{Effect: Allow, Principal: '*', Action: 'ecr:*'}]}
                  B: {<<: *a}
                  C: {Type: AWS::ECR::Repository, Properties: {<<: *properties, RepositoryName: c}}
                  D: {Type: AWS::ECR::Repository, Properties: {RepositoryPolicyText: {Statement: *statements}}}
            """)
        )
        assert [each.policy for each in read.found] == [{"Statement": [STATEMENT]}] * 4

    @pytest.mark.parametrize(
        "template",
        [
            "Transform: [AWS::Serverless-2016-10-31, Ours]\nResources: {A: {Type: AWS::ECR::Repository}}\n",
            "Resources: {A: {Type: AWS::ECR::Repository}, Fn::Transform: {Name: Ours, Parameters: {Location: x}}}\n",
        ],
    )
    def test_macro_that_is_not_run_is_noted(self, template: str) -> None:
        assert Reading(template).notes == ["app.yaml: the macro Ours is not run: check the template that it returns"]

    def test_repository_to_which_a_macro_adds_properties_is_unknown(self) -> None:
        found = found_in("Resources: {A: {Type: AWS::ECR::Repository, Fn::Transform: {Name: AWS::Include}}}")
        assert found.policy == Unknown("Fn::Transform")


class TestPlaces:
    """Lines and columns of properties, statements and their Principals."""

    def test_statement_and_principal_of_an_object_are_exact(self) -> None:
        found = found_in("""\
            Resources:
              App:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText:
                    Statement:
                      - Effect: Allow
                        Principal:
                          AWS: '*'  # everyone
                        Action: ecr:*

                      # the next one
                      - {Effect: Deny, NotPrincipal: '*', Action: 'ecr:*'}
        """)
        assert found.span == Span(5, 7, 13, 63)
        assert found.resource == Span(2, 3, 13, 63)
        assert found.statements == {
            0: StatementSpan(Span(7, 13, 10, 26), Span(8, 13, 9, 23)),
            1: StatementSpan(Span(13, 13, 13, 63), Span(13, 28, 13, 45)),
        }

    @pytest.mark.parametrize("function", ["", "!Sub "])
    def test_lines_of_a_literal_block_are_exact(self, function: str) -> None:
        found = found_in(f"""\
            Resources:
              App:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText: {function}|
                    {{"Statement": [
                      {{"Effect": "Allow",
                       "Principal": "*", "Action": "ecr:*"}}
                    ]}}
        """)
        assert found.span == Span(5, 7, 5, 27)
        assert found.statements == {0: StatementSpan(Span(7, 11, 8, 48), Span(8, 12, 8, 28))}

    @pytest.mark.parametrize("value", ["${Principal}", '{"AWS": "${Principal}"}', '"x${!a}\\"${Principal}"'])
    def test_substitution_in_a_literal_block_changes_no_place(self, value: str) -> None:
        found = found_in(f"""\
            Resources:
              App:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText:
                    Fn::Sub: |-
                      {{"Statement": {{"Effect": "Allow", "Principal": {value},
                        "Action": "ecr:*"}}}}
        """)
        assert found.statements[0].principal == Span(7, 45, 7, 58 + len(value))

    def test_substitution_outside_a_string_is_found_after_one_inside(self) -> None:
        found = found_in("""\
            Resources:
              App:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText: !Sub |
                    {"Statement": {"Sid": "${A}", "Effect": "Allow", "Principal": ${B}, "Action": "ecr:*"}}
        """)
        assert found.statements == {0: StatementSpan(Span(6, 23, 6, 95), Span(6, 58, 6, 75))}

    def test_literal_block_that_is_no_json_has_no_places(self) -> None:
        assert repository("\n      RepositoryPolicyText: |\n        {'Statement': []}\n").statements == {}

    def test_statements_that_a_parameter_has_have_no_place(self) -> None:
        found = found_in(f"""\
            Parameters: {{S: {{Type: String, Default: '{json.dumps([STATEMENT, STATEMENT])}'}}}}
            Resources:
              App:
                Type: AWS::ECR::Repository
                Properties:
                  RepositoryPolicyText: !Sub |
                    {{"Statement": ${{S}}}}
        """)
        assert (found.policy, found.statements) == ({"Statement": [STATEMENT, STATEMENT]}, {})

    @pytest.mark.parametrize("written", [f"'{TEXT}'", f">\n        {TEXT}", f"!Join ['', ['{TEXT}']]"])
    def test_other_text_has_the_place_of_the_property(self, written: str) -> None:
        text = "Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Properties:\n      RepositoryPolicyText: "
        found = found_in(f"{text}{written}\n")
        assert (found.span[:2], found.span.end_line, found.statements) == ((5, 7), 5, {})

    def test_repository_without_a_policy_has_the_place_of_its_name(self) -> None:
        assert repository("{}").span == Span(2, 3, 2, 6)

    def test_places_in_json_are_exact(self) -> None:
        text = json.dumps({"Resources": {"App": {"Type": "AWS::ECR::Repository", "Properties": {}}}}, indent=1)
        policy = '{"RepositoryPolicyText": {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}}'
        found = found_in(text.replace('"Properties": {}', f'"Properties": {policy}'), file="app.json")
        assert found.span == Span(5, 19, 5, 114)
        assert found.statements == {0: StatementSpan(Span(5, 57, 5, 113), Span(5, 77, 5, 93))}


class TestSuppression:
    """Metadata say that a repository is public on purpose."""

    @staticmethod
    def read(declared: str) -> Reading:
        """Return what is read with this value of EcrExposure."""
        return Reading(
            f"Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Metadata:\n      EcrExposure: {declared}\n"
        )

    def test_reason_and_last_day_are_text_as_written(self) -> None:
        found = self.read("{PublicOnPurpose: {Reason: base images, Until: 2027-03-31}}").only.suppression
        assert found is not None
        assert (found.reason, found.until, found.file, found.span.line) == ("base images", "2027-03-31", "app.yaml", 5)

    def test_last_day_can_be_left_out(self) -> None:
        found = self.read("{PublicOnPurpose: {Reason: base images}}").only.suppression
        assert found is not None
        assert found.until is None

    @pytest.mark.parametrize(
        ("declared", "message"),
        [
            ("", "EcrExposure: accepted is {PublicOnPurpose: {Reason: …, Until: …}}"),
            ("{PublicOnPurpose: yes}", "EcrExposure: accepted is {PublicOnPurpose: {Reason: …, Until: …}}"),
            ("{Public: {}}", "EcrExposure: 'Public' is no key (accepted: PublicOnPurpose)"),
            ("{PublicOnPurpose: {Reason: x, Till: x}}", "EcrExposure: 'Till' is no key (accepted: Reason, Until)"),
            ("{PublicOnPurpose: {Reason: x, Reason: y}}", "EcrExposure: duplicate key 'Reason'"),
            (
                "{PublicOnPurpose: {Until: 2027-03-31}}",
                "Reason is missing: say why the repository is public on purpose",
            ),
            ("{PublicOnPurpose: {Reason: ' '}}", "Reason is missing: say why the repository is public on purpose"),
            ("{PublicOnPurpose: {Reason: x, Until: soon}}", "Until: soon is not a day (YYYY-MM-DD)"),
            ("{PublicOnPurpose: {Reason: x, Until: 2027-02-30}}", "Until: 2027-02-30 is not a day (YYYY-MM-DD)"),
        ],
    )
    def test_malformed_one_is_a_problem_with_its_line_and_excuses_nothing(self, declared: str, message: str) -> None:
        read = self.read(declared)
        assert (read.problems, [each.suppression for each in read.found]) == ([f"app.yaml:5: {message}"], [None])


class TestOtherFiles:
    """What is no template, cannot be read, or is far too much."""

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {limits: {cpu: 1}}}]}\n",
            "services: {app: {image: AWS::ECR::Repository}}\n",
            "on: push\njobs: {build: {steps: [{run: AWS::ECR::Repository}]}}\n",
            "resources: [a.yaml, b.yaml]\n",
            "Resources:\n",
            "Resources: [AWS::ECR::Repository]\n",
            "Resources: {A: , B: text, C: [1], D: {Type: }, E: {Type: [AWS::ECR::Repository]}}\n",
            "- AWS::ECR::Repository\n",
            "just text\n",
            '{"tree": {"Resources": {"A": {"Type": "AWS::ECR::Repository"}}}}',
            "[1]",
        ],
    )
    def test_file_without_a_template_is_silent(self, text: str) -> None:
        read = Reading(text)
        assert (read.found, read.problems, read.notes) == ([], [], [])

    def test_broken_file_is_an_error_with_its_line(self) -> None:
        with pytest.raises(NotReadError, match=r"^app.yaml:2: not YAML: "):
            Reading("Resources:\n\tA: 1\n")
        with pytest.raises(NotReadError, match=r"^app.json:2: not JSON: "):
            Reading('{"Resources":\n}', file="app.json")

    def test_documents_before_a_broken_one_are_read(self) -> None:
        read = Reading("Resources: {A: {Type: AWS::ECR::Repository}}\n---\na: [\n")
        assert read.addresses == ["Resources.A"]
        assert [each.partition(": ")[0] for each in read.problems] == ["app.yaml:4"]

    def test_flow_style_that_is_no_json_is_yaml(self) -> None:
        assert Reading("{Resources: {A: {Type: AWS::ECR::Repository}}}").addresses == ["Resources.A"]

    @pytest.mark.parametrize("leaf", ["[*i, *i]", "{<<: *i, x: *i, y: *i}"])
    def test_aliases_that_stand_for_far_too_much_are_a_problem(self, leaf: str) -> None:
        names = "abcdefghijklmnopqrstuvwxyz"
        levels = [f"x{name}: &{name} {leaf.replace('i', before)}" for before, name in pairwise(names)]
        first = "xa: &a {z: 1}"
        last = "Resources: {A: {Type: AWS::ECR::Repository, Properties: {RepositoryPolicyText: *z}}}"
        read = Reading("\n".join([first, *levels, last]))
        assert (read.found, len(read.problems)) == ([], 1)
        assert "more than 20000 values" in read.problems[0]

    def test_merge_keys_in_a_chain_of_hundreds_are_an_error(self) -> None:
        chain = "".join(f"x{number}: &x{number} {{<<: *x{number - 1}}}\n" for number in range(1, 900))
        with pytest.raises(NotReadError, match="nested too deep"):
            Reading(f"x0: &x0 {{a: 1}}\n{chain}Resources: {{A: {{Type: AWS::ECR::Repository, Properties: *x899}}}}\n")

    def test_alias_of_itself_is_a_problem(self) -> None:
        read = Reading("Resources: {A: {Type: AWS::ECR::Repository, Properties: {RepositoryPolicyText: &a {b: *a}}}}\n")
        assert read.problems == ["app.yaml:1: nested deeper than 100 levels"]

    def test_other_resources_of_a_template_are_read_after_a_problem(self) -> None:
        read = Reading(
            "Resources:\n  A: {Type: AWS::ECR::Repository, Properties: {RepositoryPolicyText: &a {b: *a}}}\n"
            "  B: {Type: AWS::ECR::Repository}\n"
        )
        assert (read.addresses, len(read.problems)) == (["Resources.B"], 1)

    def test_byte_order_mark_is_no_part_of_the_text(self) -> None:
        text: Any = "\ufeffResources: {A: {Type: AWS::ECR::Repository}}"
        assert Reading(text).addresses == ["Resources.A"]
