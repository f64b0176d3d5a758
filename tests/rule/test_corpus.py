"""The corpus through `judge`, and the rules that each case keeps."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ecr_exposure import Verdict, is_allowed, judge
from tests.corpus.each_case import each_case
from tests.corpus.loader import TESTS, Case, CaseError, all_cases, all_rows, read_cases

CASES = all_cases()
BY_NAME = {case.name: case for case in CASES}
ABOUT_POLICIES = [case for case in CASES if not case.is_about_the_item]


def ids_of(parameters: Mapping[str, Any], name: str) -> list[str]:
    """Return the ids of a comma-separated parameter."""
    return [text for text in str(parameters.get(name, "")).split(",") if text]


def judged(case: Case, test: str) -> Verdict:
    """Judge a case under a test, with its own owner, tags, zone and time."""
    # Every other case is judged as callers do that know no tags.
    tags = {} if case.resource_tags is None else {"resource_tags": case.resource_tags}
    now = datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z")))
    return judge(
        case.policy,
        test=test,
        owner=case.repository["account"],
        region=case.repository["region"],
        members=[str(member) for member in case.parameters.get("members", ())],
        trusted_accounts=ids_of(case.parameters, "trustedAccounts"),
        trusted_organizations=ids_of(case.parameters, "trustedOrganizations"),
        now=now,
        **tags,
    )


@pytest.mark.parametrize("test", TESTS)
@each_case(ABOUT_POLICIES)
def test_compliance_and_problem_are_as_labelled(case: Case, test: str) -> None:
    verdict = judged(case, test)
    assert verdict.compliance == case.expect[test], verdict
    place = case.problems.get(test)
    assert (verdict.problem is None) == (place is None), verdict
    assert (verdict.problem or "").startswith(place or "")


@each_case(ABOUT_POLICIES)
def test_unconditional_grants_are_as_labelled(case: Case) -> None:
    grants = [(g.statement, [c.value for c in g.capabilities]) for g in judged(case, "unconditional").grants]
    assert grants == [(g["statement"], g["capabilities"]) for g in case.expect.get("grants", ())]


@each_case(ABOUT_POLICIES)
def test_advisories_are_as_labelled(case: Case) -> None:
    kinds = {advisory.kind.value for advisory in judged(case, "reachable").advisories}
    assert kinds == set(case.expect.get("advisories", ()))


@pytest.mark.parametrize("test", ["reachable", "external"])
@each_case(ABOUT_POLICIES)
def test_every_witness_is_allowed(case: Case, test: str) -> None:
    """The request that proves a grant is allowed by the plain evaluator, which derives nothing."""
    for grant in judged(case, test).grants:
        assert grant.witness is not None
        assert grant.witness.action in grant.actions
        assert is_allowed(case.policy, grant.witness)


def test_every_row_has_a_case() -> None:
    shown = {row for case in CASES for row in case.rows}
    assert shown == all_rows().keys()


@each_case(case for case in CASES if case.twin)
def test_twin_differs_in_a_label_or_an_advisory(case: Case) -> None:
    assert case.expect != BY_NAME[case.twin or ""].expect


def test_every_flagged_case_has_a_twin() -> None:
    """The twin is one token away, and shows what the case is flagged for."""
    without_twin = [
        case.name
        for case in CASES
        if case.twin is None and "NON_COMPLIANT" in case.expect.values() and case.problems.keys() != set(TESTS)
    ]
    assert without_twin == []


ALLOW: Final = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
DENY: Final = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}
KEY: Final = "condition-keys/"
# Folders that between them hold one case of each kind.
FOLDERS: Final = {
    "documents",
    "deny-statements",
    "policy-variables",
    "several-conditions",
    "principals",
    "actions",
    *(
        KEY + key
        for key in ("aws-PrincipalOrgID", "aws-PrincipalTag", "saml", "web-identity-providers", "unknown-keys")
    ),
}


def on(*keys: str, value: str = "o-abcde12345") -> dict[str, Any]:
    """Return an Allow statement with a condition on these keys."""
    return {**ALLOW, "Condition": {"StringEquals": dict.fromkeys(keys, value)}}


def text_of(*statements: object, **elements: object) -> str:
    """Return the text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements, **elements})


class TestPlaces:
    """A case is accepted only in the first folder that applies (the loader's docstring lists them)."""

    @staticmethod
    def write(corpus: Path, folder: str, policy: str, *, problem: str | dict[str, str] | None = None) -> None:
        """Write one case below `corpus`, beside a folder for each key."""
        for key in FOLDERS:
            (corpus / key).mkdir(parents=True)
        expect: dict[str, Any] = {} if problem is None else {"problem": problem}
        if problem is None or (isinstance(problem, dict) and "unconditional" not in problem):
            expect["grants"] = []
        case = {
            "title": "A title",
            "why": "A reason.",
            "page": "https://docs.aws.amazon.com/",
            "rows": [],
            "policy": policy,
            "expect": {**dict.fromkeys(TESTS, "NON_COMPLIANT"), **expect},
        }
        (corpus / folder / "a-case.yaml").write_text(yaml.safe_dump(case), encoding="utf-8")

    @pytest.mark.parametrize("folder", sorted(FOLDERS))
    @pytest.mark.parametrize(
        ("policy", "accepted"),
        [
            pytest.param("%7B%7D", {"documents"}, id="percent-encoding"),
            pytest.param(text_of(), {"documents"}, id="no statement"),
            pytest.param(text_of(ALLOW, DENY, Id="team"), {"documents"}, id="Id"),
            pytest.param(text_of({**DENY, "Resource": "*"}), {"documents"}, id="Resource"),
            pytest.param(json.dumps({"Statement": on("aws:PrincipalOrgID")}), {"documents"}, id="one object"),
            pytest.param(text_of(on("aws:username", value="${aws:userid}"), DENY), {"deny-statements"}, id="Deny"),
            pytest.param(text_of(on("aws:username", value="${aws:userid}")), {"policy-variables"}, id="variable"),
            pytest.param(text_of(on("aws:username", "aws:userid")), {"several-conditions"}, id="two keys"),
            pytest.param(text_of(on("aws:username"), on("aws:userid")), {"several-conditions"}, id="two statements"),
            pytest.param(text_of(on("aws:PrincipalOrgID")), {KEY + "aws-PrincipalOrgID"}, id="key"),
            pytest.param(text_of(on("AWS:principalorgid")), {KEY + "aws-PrincipalOrgID"}, id="letter case"),
            pytest.param(text_of(on("aws:PrincipalTag/team")), {KEY + "aws-PrincipalTag"}, id="tag"),
            pytest.param(text_of(on("saml:aud")), {KEY + "saml"}, id="saml"),
            pytest.param(text_of(on("accounts.google.com:sub")), {KEY + "web-identity-providers"}, id="web"),
            pytest.param(text_of(on("aws:PrincipleOrgID")), {KEY + "unknown-keys"}, id="unknown key"),
            pytest.param(text_of(ALLOW), {"principals", "actions", "documents"}, id="no condition"),
        ],
    )
    def test_case_is_refused_in_every_other_folder(
        self, tmp_path: Path, policy: str, accepted: set[str], folder: str
    ) -> None:
        self.write(tmp_path, folder, policy)
        if folder in accepted:
            assert [case.name for case in read_cases(tmp_path)] == [f"{folder}/a-case"]
        else:
            with pytest.raises(CaseError, match=rf"^{folder}/a-case: belongs in "):
                read_cases(tmp_path)

    def test_case_with_a_problem_belongs_in_documents(self, tmp_path: Path) -> None:
        self.write(tmp_path, "principals", text_of(ALLOW), problem="Statement[0]")
        with pytest.raises(CaseError, match="belongs in documents, because it expects a problem"):
            read_cases(tmp_path)

    def test_case_with_a_problem_of_some_tests_belongs_where_its_policy_does(self, tmp_path: Path) -> None:
        self.write(tmp_path, "principals", text_of(ALLOW), problem={"external": "Statement[0]"})
        (case,) = read_cases(tmp_path)
        assert case.problems == {"external": "Statement[0]"}

    @pytest.mark.parametrize(
        "problem", [pytest.param({}, id="no test"), pytest.param({"internal": ""}, id="unknown test")]
    )
    def test_problem_that_names_no_test_is_refused(self, tmp_path: Path, problem: dict[str, str]) -> None:
        self.write(tmp_path, "principals", text_of(ALLOW), problem=problem)
        with pytest.raises(CaseError, match="problem names no test"):
            read_cases(tmp_path)

    def test_problem_of_every_test_has_one_place(self, tmp_path: Path) -> None:
        self.write(tmp_path, "documents", text_of(ALLOW), problem=dict.fromkeys(TESTS, "Statement[0]"))
        with pytest.raises(CaseError, match="one place for every test"):
            read_cases(tmp_path)

    def test_refusal_names_the_key_and_its_folder(self, tmp_path: Path) -> None:
        self.write(tmp_path, "principals", text_of(on("aws:PrincipalOrgID")))
        message = "belongs in condition-keys/aws-PrincipalOrgID, because its only condition key is aws:PrincipalOrgID"
        with pytest.raises(CaseError, match=message):
            read_cases(tmp_path)
