"""The function `judge`: its arguments, verdicts and problems."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from ecr_exposure import AdvisoryKind, ParameterError, PolicyError, Request, Verdict, is_allowed, judge
from ecr_exposure.findings.access_tests import EXTERNAL, TESTS
from ecr_exposure.parameters import PublicRepository, RuleParameters
from ecr_exposure.policy.document import read_policy
from ecr_exposure.repository import Repository
from ecr_exposure.search import RepositoryFacts, TooComplexError
from ecr_exposure.verdict import evaluate_repository
from tests.benchmarks.worst_policies import POLICIES

REQUEST = Request("arn:aws:iam::444455556666:user/x", "ecr:BatchGetImage", {})
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test": "strict"}, "test: 'strict' is not a test (accepted: unconditional, reachable, external)"),
        ({"test": "external"}, "owner: None is not an account id of 12 digits, which test 'external' needs"),
        ({"test": ["unconditional"]}, "test: ['unconditional'] is not a test"),
        ({"owner": "1234"}, "owner: '1234' is not an account id of 12 digits"),
        ({"owner": 111122223333}, "owner: 111122223333 is not an account id of 12 digits"),
        ({"region": "Frankfurt"}, "region: 'Frankfurt' is not a region such as eu-central-1"),
        ({"members": "111122223333"}, "members: '111122223333' is not a sequence of ids"),
        ({"members": ["x"]}, "members: 'x' is not an account id"),
        ({"trusted_accounts": ["１" * 12]}, "trusted_accounts: "),
        ({"trusted_organizations": ["o-x"]}, "trusted_organizations: 'o-x' is not an organization id"),
        ({"now": datetime(2026, 11, 24)}, "now: datetime.datetime(2026, 11, 24, 0, 0) is not a datetime with"),  # noqa: DTZ001 - naive on purpose
        ({"now": "2026-11-24"}, "now: '2026-11-24' is not a datetime with a time zone"),
    ],
)  # fmt: skip
def test_invalid_argument_raises_an_error_that_names_it(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        judge(None, **arguments)
    assert str(raised.value).startswith(message)


def test_valid_arguments_of_any_type_are_accepted() -> None:
    verdict = judge(
        {"Statement": OPEN},
        test="unconditional",
        owner="111122223333",
        region="us-gov-west-1",
        members=("111122223333",),
        trusted_accounts=["444455556666"],
        trusted_organizations={"o-abcde12345"},
        now=datetime.now(UTC),
    )
    assert verdict.compliance == "NON_COMPLIANT"
    (grant,) = verdict.grants
    assert (grant.statement, grant.sid, grant.actions) == (0, None, ("ecr:BatchGetImage",))
    assert grant.witness is None


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"Statement": [OPEN, {**OPEN, "Condition": {"StringEqual": {"aws:x": "y"}}}]},
         'Statement[1].Condition: "StringEqual" is not a condition operator'),
        ({"Statement": {**OPEN, "Effect": "allow"}}, 'Statement[0].Effect: "allow" is neither Allow nor Deny'),
        ({"Statement": {"Principal": "*", "Action": "*"}}, "Statement[0].Effect: missing"),
        ({"Statement": {**OPEN, "Effekt": 1}}, 'Statement[0]: "Effekt" is not an element of a statement'),
        ({"Statement": {**OPEN, "Principal": {"AWS": 111122223333}}},
         "Statement[0].Principal.AWS: 111122223333 is not a string"),
        ({"Statement": {**OPEN, "Principal": {"CanonicalUser": "x"}}},
         'Statement[0].Principal: "CanonicalUser" is not a type of principal (accepted: AWS, Service, Federated)'),
        ({"Statement": {**OPEN, "NotPrincipal": "*"}},
         "Statement[0]: Principal and NotPrincipal cannot be used together"),
        ({"Statement": {"Effect": "Allow", "Principal": "*"}}, "Statement[0]: Action and NotAction are both missing"),
        ({"Statement": {**OPEN, "Action": [["ecr:*"]]}}, "Statement[0].Action: a list is not a string"),
        ({"Statement": {**OPEN, "Resource": 7}}, "Statement[0].Resource: 7 is not a string"),
        ({"Statement": {**OPEN, "Resource": "*", "NotResource": 7}}, "Statement[0].NotResource: 7 is not a string"),
        ({"Statement": {**OPEN, "Sid": 7}}, "Statement[0].Sid: 7 is not a string"),
        ({"Statement": {**OPEN, "Condition": None}}, "Statement[0].Condition: null is not an object"),
        ({"Statement": {**OPEN, "Condition": {"Bool": {"aws:SecureTransport": "yes"}}}},
         'Statement[0].Condition.Bool.aws:SecureTransport: "yes" is not true or false'),
        ({"Statement": {**OPEN, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "an hour"}}}},
         'Statement[0].Condition.NumericLessThan.aws:MultiFactorAuthAge: "an hour" is not a number'),
        ({"Statement": {**OPEN, "Condition": {"StringEquals": {"aws:x": None}}}},
         "Statement[0].Condition.StringEquals.aws:x: null is not a string, a number, true or false"),
        ({"Statement": {**OPEN, "Condition": {"StringEquals": {"aws:x": 1, "AWS:X": 2}}}},
         'Statement[0].Condition.StringEquals: duplicate condition key "aws:x"'),
        ({"Statement": OPEN, "Version": "2020-01-01"}, 'Version: "2020-01-01" is neither 2012-10-17 nor 2008-10-17'),
        ({"Statement": OPEN, "Id": 1}, "Id: 1 is not a string"),
        ({"Version": "2012-10-17"}, "Statement is missing"),
        ({"Statement": ["x"]}, 'Statement[0]: "x" is not an object'),
        ('{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}',
         'Statement[0]: duplicate key "Effect"'),
        ('{"Statement": [}', "not JSON: Expecting value at line 1 column 16"),
        ("{%22Statement%22: %ff}", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        ('{"Statement": NaN}', "NaN is not a JSON value"),
        ('{"Statement": ' + "[" * 99_999, "nested deeper than 100 levels"),
        ('{"Statement": ' + "9" * 9_999 + "}", "Statement[0]: a number of more than 40 digits is not an object"),
        ({"Statement": 10**9_999}, "Statement[0]: a number of more than 40 digits is not an object"),
        ("1e400", "a number of more than 40 digits is not an object"),
        (7, "7 is not an object"),
        (b"{}", "a bytes is not an object"),
    ],
)  # fmt: skip
def test_policy_that_cannot_be_evaluated_has_a_problem_with_its_place(policy: Any, problem: str) -> None:
    verdict = judge(policy)
    assert (verdict.problem or "").startswith(problem)
    assert verdict.compliance == "NON_COMPLIANT"
    assert verdict.annotation.startswith("Cannot be evaluated: ")

    with pytest.raises(PolicyError) as raised:
        is_allowed(policy, REQUEST)
    assert str(raised.value) == verdict.problem


class BrokenMapping(dict[str, Any]):
    """A policy object of which one method raises an error."""

    def __init__(self, method: str, content: Any) -> None:
        """Store the content and the name of the method."""
        super().__init__(content)
        self.method = method

    def _maybe_raise(self, method: str) -> None:
        if method == self.method:
            raise ZeroDivisionError("line\nbreak")

    def __getitem__(self, key: str) -> Any:
        """Return a value, or raise."""
        self._maybe_raise("getitem")
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        """Return whether there is a value, or raise."""
        self._maybe_raise("contains")
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._maybe_raise("get")
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        """Return the keys, or raise."""
        self._maybe_raise("iter")
        return super().__iter__()

    def items(self) -> Any:
        self._maybe_raise("items")
        return super().items()


class TestUnexpectedErrors:
    """An error that nobody expects is a problem of the one policy."""

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    @pytest.mark.parametrize("method", ["getitem", "contains", "get", "iter"])
    def test_error_of_a_policy_object_is_a_problem(self, method: str, test: str) -> None:
        for policy in (BrokenMapping(method, {"Statement": [OPEN]}), {"Statement": BrokenMapping(method, OPEN)}):
            verdict = judge(policy, test=test, owner="111122223333")
            assert (verdict.compliance, verdict.problem) == ("NON_COMPLIANT", "unexpected error: ZeroDivisionError")
            assert verdict.annotation == "Cannot be evaluated: unexpected error: ZeroDivisionError"

    @pytest.mark.parametrize("element", ["Principal", "Condition"])
    def test_error_of_an_element_is_a_problem(self, element: str) -> None:
        statement = {**OPEN, element: BrokenMapping("items", {"AWS": "111122223333"})}
        assert judge({"Statement": statement}).problem == "unexpected error: ZeroDivisionError"

    def test_error_of_a_value_is_a_problem(self) -> None:
        class Text(str):
            __slots__ = ()

            def __str__(self) -> str:
                raise RecursionError

        policy = {"Statement": {**OPEN, "Condition": {Text("stringequals"): {"aws:username": "x"}}}}
        assert judge(policy).problem == "unexpected error: RecursionError"
        assert judge(policy, test="reachable").problem == "unexpected error: RecursionError"


UNPRINTABLE = ["\ud800", "\n", "\u202e", "\x1b[2J", "\u2028", "\x00"]


@pytest.mark.parametrize("evil", UNPRINTABLE)
@pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
class TestPrintableTexts:
    """Whatever characters a policy holds, no text that leaves the engine breaks a line."""

    @staticmethod
    def texts_of(verdict: Verdict) -> Iterator[str]:
        """Yield every text of a verdict."""
        yield verdict.annotation
        yield verdict.problem or ""
        yield from (advisory.text for advisory in verdict.advisories)
        for grant in verdict.grants:
            yield from (grant.reason, str(grant.witness), grant.sid or "", *grant.actions)

    def check(self, policy: Any, test: str) -> Verdict:
        """Judge the policy and look at every text."""
        verdict = judge(policy, test=test, owner="111122223333")
        for text in self.texts_of(verdict):
            assert text.isprintable()
            text.encode("utf-8")
        return verdict

    @pytest.mark.parametrize("operator", ["StringEquals", "StringNotEqualsIfExists", "ForAnyValue:StringLike", "Null"])
    def test_in_keys_and_values(self, evil: str, test: str, operator: str) -> None:
        value = "true" if operator == "Null" else [f"*{evil}", "${x" + evil]
        condition = {operator: {f"aws:PrincipalTag/{evil}": value, f"acme:{evil}": value}}
        deny = {"Effect": "Deny", "NotPrincipal": {"Service": evil}, "Action": "*", "Condition": condition}
        allow = {**OPEN, "Sid": evil, "Principal": {"AWS": ["*", f"1{evil}"]}}
        self.check({"Statement": [{**allow, "Condition": condition}, deny, {**deny, "Principal": "*"}]}, test)
        assert self.check({"Statement": [allow, {**deny, "Effect": "Deny"}]}, test).grants

    @pytest.mark.parametrize(
        "elements",
        [
            {"Principal": {"AWS": "1{}"}},
            {"Principal": "{}"},
            {"Principal": {"{}": "*"}},
            {"Action": "ecr:{}"},
            {"Effect": "{}"},
            {"{}": 1},
            {"Condition": {"{}": {}}},
            {"Condition": {"Bool": {"{}": "x"}}},
            {"Condition": {"Bool": {"aws:SecureTransport": "{}"}}},
            {"Condition": {"Bool": {"{}": "true", "{}A": "true", "{}a": "true"}}},
        ],
    )
    def test_in_problems(self, evil: str, test: str, elements: dict[str, Any]) -> None:
        def filled(value: Any) -> Any:
            if isinstance(value, dict):
                return {filled(name): filled(each) for name, each in value.items()}
            return value.replace("{}", evil) if isinstance(value, str) else value

        policy = {"Statement": {**OPEN, **filled(elements)}}
        assert self.check(policy, test).problem
        assert self.check(json.dumps(policy), test).problem


@pytest.mark.parametrize("evil", UNPRINTABLE)
@pytest.mark.parametrize("condition", [{"{}": {}}, {"Bool": {"{}": "x"}}, {"Bool": {"x": "{}"}}])
def test_error_of_is_allowed_is_printable(condition: Any, evil: str) -> None:
    text = json.dumps({"Statement": {**OPEN, "Condition": condition}}).replace('{}"', json.dumps(evil)[1:])
    with pytest.raises(PolicyError) as raised:
        is_allowed(text, REQUEST)
    assert str(raised.value).isprintable()
    assert str(raised.value) == judge(text).problem


def test_mapping_and_sequence_are_read_as_object_and_list() -> None:
    statement = MappingProxyType({**OPEN, "Action": ("ecr:BatchGetImage",)})
    verdict = judge(MappingProxyType({"Statement": (statement,)}))
    assert verdict == judge({"Statement": [OPEN]})


def test_variable_as_the_value_of_bool_is_accepted() -> None:
    """In version 2012-10-17; in others it is not true or false."""
    conditional = {**OPEN, "Condition": {"Bool": {"aws:SecureTransport": "${aws:SecureTransport}"}}}
    assert judge({"Version": "2012-10-17", "Statement": conditional}).problem is None
    assert judge({"Version": "2008-10-17", "Statement": conditional}).problem is not None


def test_verdict_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        judge(None).compliance = "COMPLIANT"  # type: ignore[misc]  # that is the point
    assert not hasattr(judge(None), "__dict__")


def test_zone_of_trust_can_be_any_iterable() -> None:
    def members() -> Iterator[str]:
        yield "111122223333"

    assert isinstance(judge(None, members=members()), Verdict)


def conditional(operator: str, key: str, value: Any) -> dict[str, Any]:
    """Return a policy of one Allow for everyone under one condition."""
    return {"Version": "2012-10-17", "Statement": {**OPEN, "Condition": {operator: {key: value}}}}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (conditional("StringEquals", "aws:ResourceAccount", "111122223333"), "NON_COMPLIANT"),
        (conditional("StringLike", "aws:ResourceAccount", "1111*"), "NON_COMPLIANT"),
        (conditional("StringLike", "aws:ResourceAccount", "x*"), "COMPLIANT"),
        (conditional("StringEquals", "aws:PrincipalAccount", "${aws:ResourceAccount}"), "COMPLIANT"),
        (conditional("ArnLike", "aws:PrincipalArn", "arn:aws:iam::${aws:ResourceAccount}:role/*"), "COMPLIANT"),
        (conditional("StringNotEquals", "aws:PrincipalAccount", "${aws:ResourceAccount}"), "NON_COMPLIANT"),
        (conditional("StringEquals", "aws:RequestedRegion", "eu-central-1"), "NON_COMPLIANT"),
        (conditional("StringLike", "aws:PrincipalArn", "arn:aws-cn:iam::*:role/x"), "NON_COMPLIANT"),
        (conditional("StringLike", "aws:PrincipalArn", "arn:moon:iam::*:role/x"), "COMPLIANT"),
    ],
)
def test_unknown_owner_and_region_can_be_any(policy: dict[str, Any], expected: str) -> None:
    verdict = judge(policy, test="reachable")
    assert verdict.compliance == expected
    for grant in verdict.grants:
        assert grant.witness is not None
        assert is_allowed(policy, grant.witness)
        assert grant.witness.context["aws:principalaccount"] != grant.witness.context.get("aws:resourceaccount")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Principal": {"Service": "*"}}, "NON_COMPLIANT"),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}}, "NON_COMPLIANT"),
        ({"Principal": ["*"]}, "NON_COMPLIANT"),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::*:root"}}, "COMPLIANT"),
        ({"NotPrincipal": ["*"]}, "COMPLIANT"),
    ],
)
def test_unconditional_reads_a_wildcard_in_a_principal_as_everyone(elements: dict[str, Any], expected: str) -> None:
    """A NotPrincipal names nobody."""
    policy = {"Statement": {"Effect": "Allow", "Action": "ecr:*"} | elements}
    assert judge(policy).compliance == expected
    assert judge(policy, test="reachable").compliance == "NON_COMPLIANT"


def test_known_region_determines_the_partition() -> None:
    policy = conditional("StringLike", "aws:PrincipalArn", "arn:aws-cn:iam::*:role/x")
    assert judge(policy, test="reachable", region="cn-north-1").compliance == "NON_COMPLIANT"
    assert judge(policy, test="reachable", region="eu-central-1").compliance == "COMPLIANT"


class CountingMapping(dict[str, Any]):
    """A policy object that counts how often its statements are read."""

    reads = 0

    def __getitem__(self, key: str) -> Any:
        """Return a value."""
        self.reads += key == "Statement"
        return super().__getitem__(key)


class TestEvaluateRepository:
    """The rule's own question about a repository."""

    @staticmethod
    def evaluate(policy: Any, *excluded: str) -> Verdict:
        """Return the verdict with the default test."""
        repository = Repository(account="111122223333", region="eu-west-1", name="team/app", arn="", policy=policy)
        entries = tuple(PublicRepository(account=None, pattern=pattern) for pattern in excluded)
        return evaluate_repository(
            repository, RuleParameters(public_repositories=entries), datetime(2026, 11, 24, tzinfo=UTC)
        )

    @pytest.mark.parametrize("principal", ["*", {"AWS": "444455556666"}])
    def test_policy_is_read_once_for_both_tests(self, principal: Any) -> None:
        policy = CountingMapping({"Statement": [{**OPEN, "Principal": principal}]})
        assert self.evaluate(policy).problem is None
        assert policy.reads == 1

    def test_unexpected_error_is_a_problem(self) -> None:
        verdict = self.evaluate(BrokenMapping("get", {"Statement": [OPEN]}))
        assert verdict.problem == "unexpected error: ZeroDivisionError"

    def test_advisories_are_given_although_the_hint_is_undecided(self) -> None:
        complex_policy = POLICIES["account ids inside patterns"]
        service = {**OPEN, "Principal": {"Service": "lambda.amazonaws.com"}}
        policy = {**complex_policy, "Statement": [*complex_policy["Statement"], service]}
        assert judge(policy, test="reachable").problem is not None
        assert AdvisoryKind.CONFUSED_DEPUTY in [advisory.kind for advisory in self.evaluate(policy).advisories]

    def test_excluded_repository_names_what_the_other_test_finds(self) -> None:
        conditional_pull = conditional("StringEquals", "aws:PrincipalTag/team", "blue")
        assert self.evaluate(conditional_pull, "team/*").annotation.startswith("No statement grants access to everyone")
        both = {"Statement": [OPEN, {**conditional_pull["Statement"], "Action": "ecr:PutImage"}]}
        verdict = self.evaluate(both, "team/*")
        assert verdict.compliance == "COMPLIANT"
        assert verdict.annotation.startswith(
            'Public on purpose (excludedPublicRepositories: "team/*"). Everyone can pull'
        )
        assert verdict.annotation.endswith(
            " publicAccessTest=reachable finds public access: in Statement[1]; it allows ecr:PutImage to *."
        )

    def test_malformed_principal_beside_a_grant_is_no_result_of_another_test(self) -> None:
        """The test reachable finds no grant, and cannot evaluate the policy."""
        deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
        with_malformed = [OPEN, deny, {**OPEN, "Principal": {"AWS": "1234"}}]
        assert self.evaluate({"Statement": with_malformed}).annotation == (
            f"{judge({'Statement': OPEN}).annotation}"
            ' Note: Statement[2].Principal.AWS: "1234" is not an account id of 12 digits.'
            " Fix: ecr-exposure fix --repository team/app"
        )


def test_access_is_found_without_all_grants() -> None:
    complex_policy = POLICIES["account ids inside patterns"]
    document = read_policy({**complex_policy, "Statement": [OPEN, *complex_policy["Statement"]]})
    assert document is not None
    facts = RepositoryFacts(
        owner=None,
        region=None,
        trusted_accounts=frozenset(),
        trusted_organizations=frozenset(),
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )
    with pytest.raises(TooComplexError):
        EXTERNAL.find(document, facts)
    assert EXTERNAL.finds_any(document, facts)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("account", "is_flagged"), [("*", True), ("111122223333", False)])
def test_access_is_found_where_grants_are(test: str, account: str, *, is_flagged: bool) -> None:
    document = read_policy({"Statement": {**OPEN, "Principal": {"AWS": account}}})
    assert document is not None
    facts = RepositoryFacts(
        owner="111122223333",
        region=None,
        trusted_accounts=frozenset(),
        trusted_organizations=frozenset(),
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )
    chosen = TESTS[test]
    assert (chosen.finds_any(document, facts), chosen.find(document, facts) != ()) == (is_flagged, is_flagged)


class TestHint:
    """With the test `unconditional`, the annotation tells where `reachable` has another result."""

    @staticmethod
    def annotation(policy: Any) -> str:
        """Return the annotation of the rule with its default parameters."""
        repository = Repository(account="111122223333", region="eu-west-1", name="team/app", arn="", policy=policy)
        return evaluate_repository(repository, RuleParameters(), datetime(2026, 11, 24, tzinfo=UTC)).annotation

    def test_policy_that_reachable_flags_has_the_cause(self) -> None:
        assert self.annotation(conditional("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abcde12345")) == (
            "No statement grants access to everyone without a Condition. publicAccessTest=reachable finds public"
            " access: in Statement[0], IfExists also matches when aws:PrincipalOrgID is absent; it allows"
            " ecr:BatchGetImage to *."
        )

    def test_long_sid_and_actions_give_way_to_the_cause(self) -> None:
        policy = conditional("ForAllValues:StringEquals", "aws:PrincipalOrgID", ["o-abcde12345"])
        policy["Statement"] |= {"Sid": "x" * 100, "Action": ["ecr:ListImages", "ecr:PutImage", "ecr:BatchGetImage"]}
        assert self.annotation(policy) == (
            "No statement grants access to everyone without a Condition. publicAccessTest=reachable finds public"
            f' access: in statement "{"x" * 24}…", ForAllValues also matches when aws:PrincipalOrgID is absent;'
            " it allows ecr:PutImage and 2 more to *."
        )

    def test_service_without_a_source_is_named(self) -> None:
        statement = {**OPEN, "Sid": "Lambda", "Principal": {"Service": "lambda.amazonaws.com"}}
        assert self.annotation({"Statement": statement}) == (
            'No statement grants access to everyone without a Condition. Note: statement "Lambda" allows '
            "lambda.amazonaws.com to act for any customer (confused deputy): "
            "fix aws:SourceAccount, aws:SourceArn or aws:SourceOrgID."
        )

    def test_policy_that_reachable_does_not_flag_says_so(self) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
        assert self.annotation({"Statement": [OPEN, deny]}).endswith(
            " publicAccessTest=reachable, which evaluates actions and Deny statements, finds no public access."
            " Fix: ecr-exposure fix --repository team/app"
        )

    def test_policy_that_is_too_complex_for_reachable_says_so(self) -> None:
        assert self.annotation(POLICIES["account ids inside patterns"]) == (
            "No statement grants access to everyone without a Condition. publicAccessTest=reachable cannot evaluate it."
        )

    def test_equal_results_add_nothing(self) -> None:
        assert "publicAccessTest" not in self.annotation({"Statement": OPEN})
