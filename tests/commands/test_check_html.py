"""The page of the format html: its elements, its data, and what it shows without scripts."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind, NotReadError, Span
from ecr_exposure.cli.found_policies.outcome import Outcome
from ecr_exposure.cli.policy_report import html_format, page_data
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, RecordedEvaluation, Report, Result
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from ecr_exposure.cli.remediation.how_to_apply import how_to_apply
from ecr_exposure.verdict import Verdict
from tests.commands.checked_policies import (
    ALL,
    CLOSED,
    DEPENDS,
    EACH_RESULT,
    INVALID,
    PULL,
    STARTED,
    checked,
    policy_of,
    report_of,
)
from tests.commands.html_pages import PageData, page_of
from tests.nightly import NIGHTLY

RULE: Final = Path(__file__).parent.parent.parent / "rule"
SCRIPT_SID: Final = "<script>alert(1)</script>"
PLACES: Final = PlacesRead(source="Amazon ECR", accounts=("111122223333", "444455556666"), regions=("eu-west-1",))
NOT_PUBLIC: Final = "No statement grants access to everyone without a Condition."


def repository(
    policy: Any, name: str = "team/app", account: str = "111122223333", result: Result = Result.PUBLIC, **members: Any
) -> CheckedPolicy:
    """Return a repository in AWS; policy: its content, or its text."""
    known: dict[str, Any] = {
        "kind": Kind.REPOSITORY,
        "file": f"{account}/eu-west-1/{name}",
        "span": Span(1, 1, 1, 1),
        "repository": name,
        "account": account,
        "region": "eu-west-1",
    }
    text = policy if policy is None or isinstance(policy, str) else json.dumps(policy)
    return checked(text, result, **{**known, **members})


def places_of(*policies: CheckedPolicy, **members: Any) -> Report:
    """Return a report of scan."""
    return report_of(*policies, **{"command": "scan", "scope": PLACES, "root": None, **members})


def named_by_account(account: str) -> dict[str, Any]:
    """Return a public policy that names an account."""
    named = {**CLOSED, "Sid": "AllowOwn", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    return policy_of(PULL, named)


def row_of(data: PageData, name: str) -> int:
    """Return the number of the repository's row."""
    found: int = data.head["rows"]["repository"].index(name)
    return found


class TestElements:
    """The page is valid, needs nothing from elsewhere, and lets no inline code run but its own."""

    PAGE: Final = page_of(EACH_RESULT)

    def test_elements_are_balanced_and_their_ids_unique(self) -> None:
        ids = [each.attributes["id"] for each in self.PAGE.elements if "id" in each.attributes]
        assert self.PAGE.unbalanced == []
        assert len(ids) == len(set(ids))

    def test_no_element_has_a_style_or_an_event_handler(self) -> None:
        names = {name for each in self.PAGE.elements for name in each.attributes}
        assert {name for name in names if name == "style" or name.startswith("on")} == set()

    def test_policy_of_the_page_allows_its_own_script_and_style_by_their_hashes(self) -> None:
        (policy,) = (
            each.attributes["content"]
            for each in self.PAGE.named("meta")
            if each.attributes.get("http-equiv") == "Content-Security-Policy"
        )
        (style,) = self.PAGE.named("style")
        script, data = self.PAGE.named("script")
        expected = {
            kind: f"'sha256-{base64.b64encode(sha256(element.text.encode()).digest()).decode()}'"
            for kind, element in (("style", style), ("script", script))
        }
        assert str(policy).split("; ") == [
            "default-src 'none'",
            f"script-src {expected['script']}",
            f"style-src {expected['style']}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
        assert data.attributes == {"type": "application/octet-stream", "id": "data"}

    def test_nothing_is_loaded(self) -> None:
        links = {str(each.attributes.get(name)) for each in self.PAGE.elements for name in ("href", "src")}
        assert {link for link in links if not re.fullmatch(r"None|data:,|#[a-z0-9-]+", link)} == set()
        assert re.search(r"url\(|@import|https?:", self.PAGE.named("style")[0].text) is None

    def test_headings_are_in_order_and_controls_have_labels(self) -> None:
        levels = [int(each.name[1]) for each in self.PAGE.elements if re.fullmatch("h[1-6]", each.name)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        controls = [each for each in self.PAGE.elements if each.name in ("input", "select")]
        labels = {each.attributes["for"] for each in self.PAGE.named("label")}
        assert {each.attributes["id"] for each in controls} == labels
        assert self.PAGE.named("html")[0].attributes["lang"] == "en"

    def test_links_to_policies_have_targets(self) -> None:
        ids = {each.attributes.get("id") for each in self.PAGE.elements}
        links = [str(each.attributes["href"])[1:] for each in self.PAGE.named("a")]
        assert len(links) > 3
        assert set(links) <= ids


class TestEscaping:
    """No text of a policy, a file or AWS becomes markup, or changes the direction of a line."""

    HOSTILE: Final = f"{SCRIPT_SID}\u202e\ud800\x00</pre>"

    def test_hostile_texts_stay_texts(self) -> None:
        policy = policy_of({**PULL, "Sid": self.HOSTILE}, ALL)
        page = page_of(
            report_of(
                checked(policy, file=f"a{self.HOSTILE}.json", address=self.HOSTILE, notes=(self.HOSTILE,)),
                repository(f'{{"{self.HOSTILE}', result=Result.CANNOT_BE_EVALUATED),
                checked(policy, Result.PUBLIC_ON_PURPOSE, excuse=self.HOSTILE),
                errors=(NotReadError(self.HOSTILE, 1, self.HOSTILE),),
                notes=(self.HOSTILE,),
            )
        )
        page.source.encode("utf-8")  # no lone surrogate
        assert page.unbalanced == []
        assert len(page.named("script")) == 2
        assert "\u202e" not in page.source
        assert "\x00" not in page.source
        assert "<script>alert(1)" in page.visible_text()
        data = page.data()
        texts = json.dumps([data.head, [data.content(row) for row in range(len(data))]], ensure_ascii=False)
        assert "\u202e" not in texts
        assert "\\u202e" in texts  # as the policy's JSON has it

    def test_policy_that_looks_like_the_placeholder_of_a_name_stays_as_it_is(self) -> None:
        statement = {**CLOSED, "Sid": "NameOfTheRepository"}
        data = page_of(places_of(repository(policy_of(PULL, statement)))).data()
        assert "NameOfTheRepository" in data.content(0)["cloudformation"]
        assert "TeamApp:" in data.content(0)["cloudformation"].replace('"', "")


class TestData:
    """Each policy is in the data once, and every repository gets its own texts back."""

    def test_same_policy_of_several_repositories_is_stored_once(self) -> None:
        accounts = ("111122223333", "444455556666", "777788889999")
        report = places_of(
            *(repository(named_by_account(each), f"team/app-{at}", each) for at, each in enumerate(accounts)),
            repository(policy_of(ALL), "team/other"),
        )
        data = page_of(report).data()
        assert len(data.contents) == 2
        for at, account in enumerate(accounts):
            content = data.content(row_of(data, f"team/app-{at}"))
            assert "\n".join(content["policy"]) == json.dumps(named_by_account(account), indent=2)

    def test_texts_to_apply_are_those_of_fix(self) -> None:
        name = "team/web_app.v2"
        data = page_of(places_of(repository(named_by_account("111122223333"), name))).data()
        closed = policy_of(named_by_account("111122223333")["Statement"][1])
        expected = how_to_apply(closed, repository=name, region="eu-west-1", statements=())
        content = data.content(0)
        assert {means: content[means] for means in ("cli", "terraform", "cloudformation")} == {
            means: text for means, text in expected.items() if means != "console"
        }
        assert content["command"] == f"ecr-exposure fix --repository {name} --region eu-west-1"

    def test_marked_lines_are_those_of_the_public_statements(self) -> None:
        data = page_of(places_of(repository(policy_of(CLOSED, ALL, CLOSED, PULL)))).data()
        content = data.content(0)
        marked = [json.loads("".join(content["policy"][first:end]).rstrip(",")) for first, end in content["marked"]]
        assert marked == [ALL, PULL]

    def test_difference_leads_from_the_policy_to_the_corrected_one(self) -> None:
        data = page_of(places_of(repository(policy_of(CLOSED, PULL)))).data()
        content = data.content(0)
        parts = [part for group in content["difference"] for part in group]
        removed = [line for tag, *place in parts if tag == "-" for line in content["policy"][place[0] : place[1]]]
        assert [line for line in removed if "Sid" in line] == ['      "Sid": "AllowPull",']
        assert not any("444455556666" in line for line in removed)

    def test_policy_with_an_unknown_value_has_no_corrected_text(self) -> None:
        data = page_of(report_of(checked(policy_of(PULL, DEPENDS)))).data()
        content = data.content(0)
        assert "${!Ref Principals}" in "".join(content["policy"])
        assert content["changes"]
        assert "cli" not in content

    def test_recorded_evaluation_has_its_age(self) -> None:
        recorded = RecordedEvaluation(
            rule="OrgConfigRule-x",
            compliance="NON_COMPLIANT",
            annotation="Everyone can pull",
            evaluated=STARTED - timedelta(hours=50),
        )
        data = page_of(places_of(replace(repository(policy_of(PULL)), recorded=recorded))).data()
        assert data.more(0)["recorded"] == {
            "rule": "OrgConfigRule-x",
            "compliance": "NON_COMPLIANT",
            "annotation": "Everyone can pull",
            "evaluated": "2026-11-25T06:30:00Z",
            "age": "2 days ago",
        }

    def test_evaluation_without_a_policy_has_the_command_that_closes_the_repository(self) -> None:
        verdict = Verdict(compliance="NON_COMPLIANT", annotation="Everyone can pull")
        known = repository(None, "team/api", kind=Kind.EVALUATION)
        data = page_of(places_of(replace(known, outcome=Outcome(verdict=verdict)))).data()
        content = data.content(0)
        assert content["command"] == "ecr-exposure fix --repository team/api --region eu-west-1"
        assert [finding["text"] for finding in content["findings"]] == ["Everyone can pull"]
        assert "difference" not in content

    def test_duplicate_key_is_shown_as_it_is_written(self) -> None:
        text = '{"Statement": [],\n "Statement": []}'
        data = page_of(places_of(repository(text, result=Result.CANNOT_BE_EVALUATED))).data()
        assert data.content(0)["policy"] == text.split("\n")

    def test_too_many_rows_leave_out_those_that_are_not_public(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page_data, "MOST_ROWS", 2)
        policies = (
            repository(policy_of(PULL), "a/public"),
            repository(policy_of(CLOSED), "a/closed", result=Result.CLOSED),
            repository(policy_of(INVALID), "a/invalid", result=Result.CANNOT_BE_EVALUATED),
        )
        page = page_of(places_of(*policies))
        assert page.data().head["rows"]["repository"] == ["a/public", "a/invalid"]
        assert "1 others are left out here and counted above" in page.visible_text()
        assert "1 of 3 repositories is public, 1 more may be" in page.visible_text()


class TestHeadline:
    """The heading says what is public, and never that something is not public which is not known."""

    CLOSED_ONE: Final = repository(policy_of(CLOSED), result=Result.CLOSED)
    INVALID_ONE: Final = repository(policy_of(INVALID), result=Result.CANNOT_BE_EVALUATED)
    NOT_READ: Final = NotReadError("444455556666", None, "the role cannot be assumed")

    @pytest.mark.parametrize(
        ("report", "heading"),
        [
            (places_of(CLOSED_ONE), "None of 1 repository is public"),
            (places_of(CLOSED_ONE, errors=(NOT_READ,)), "None of 1 repository that could be read is public"),
            (places_of(CLOSED_ONE, INVALID_ONE), "1 of 2 repositories may be public"),
            (places_of(), "No repository was found"),
            (places_of(errors=(NOT_READ,)), "No repository was read"),
        ],
    )
    def test_heading_without_a_public_repository(self, report: Report, heading: str) -> None:
        (title,) = page_of(report).named("h1")
        assert title.text == heading


class TestQuestion:
    """The head says how the results came about."""

    EVALUATION: Final = repository(None, kind=Kind.EVALUATION)
    POLICY: Final = repository(policy_of(PULL), kind=Kind.RECORDED_REPOSITORY)

    @pytest.mark.parametrize(
        ("policies", "is_recorded", "is_tested"),
        [((EVALUATION,), True, False), ((EVALUATION, POLICY), True, True), ((POLICY,), False, True), ((), False, True)],
    )
    def test_question_is_that_of_the_rule_or_of_the_options(
        self,
        policies: tuple[CheckedPolicy, ...],
        is_recorded: bool,  # noqa: FBT001 - a table
        is_tested: bool,  # noqa: FBT001 - a table
    ) -> None:
        text = page_of(places_of(*policies)).visible_text()
        assert ("The rule's own evaluations in AWS Config, by the rule's parameters." in text) is is_recorded
        assert ("Test unconditional: a policy is public if" in text) is is_tested


class TestWithoutScripts:
    """The page shows what matters where no script runs."""

    def test_totals_and_what_could_not_be_seen_are_there(self) -> None:
        text = page_of(EACH_RESULT).visible_text()
        assert "1 of 6 policies is public, 3 more may be" in text
        assert "broken.yaml:3: a tab cannot begin a value" in text
        assert "module.x (registry) is not followed" in text

    def test_public_repositories_and_their_policies_are_there_and_the_others_not(self) -> None:
        page = page_of(
            places_of(
                repository(policy_of(PULL), "a/one"),
                repository(policy_of(PULL), "a/two"),
                repository(policy_of(CLOSED), "a/closed", result=Result.CLOSED),
            )
        )
        text = page.visible_text()
        assert "a/one" in text
        assert "a/two" in text
        assert "a/closed" not in text
        (details,) = (each for each in page.named("details") if "id" in each.attributes)
        links = [each.attributes["href"] for each in page.named("a") if each.text.startswith("Policy")]
        assert links == [f"#{details.attributes['id']}"] * 2
        assert [each.text for each in page.named("mark")][1] == '▶       "Sid": "AllowPull",'

    def test_policies_of_two_accounts_are_not_taken_for_one(self) -> None:
        accounts = ("111122223333", "444455556666")
        page = page_of(places_of(*(repository(named_by_account(each), "team/app", each) for each in accounts)))
        assert len([each for each in page.named("details") if "id" in each.attributes]) == 2

    def test_page_without_room_says_how_many_policies_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(html_format, "LARGEST", 0)
        monkeypatch.setattr(html_format, "_LEAST_STATIC", 2_600)
        text = page_of(places_of(*(repository(policy_of({**PULL, "Sid": f"S{at}"})) for at in range(3)))).visible_text()
        assert "2 more policies are left out here" in text


class TestSize:
    """10,000 repositories with policies of their own have 8 MB; by default, as much of a smaller report."""

    NUMBER: Final = 10_000 if NIGHTLY else 200

    def test_page_of_many_different_policies_is_small(self) -> None:
        policies = []
        for at in range(self.NUMBER):
            digest = sha256(str(at).encode()).hexdigest()
            statements = [
                {**CLOSED, "Sid": f"Allow{digest[:10]}", "Principal": {"AWS": f"arn:aws:iam::{at:012d}:role/{digest}"}},
                {**CLOSED, "Sid": f"Push{digest[10:20]}", "Action": ["ecr:PutImage", "ecr:InitiateLayerUpload"]},
            ]
            is_public = at % 5 == 0
            if is_public:
                statements.append({**PULL, "Sid": f"Public{digest[20:30]}"})
            policies.append(
                repository(
                    policy_of(*statements), f"team/{digest[:12]}", result=Result.PUBLIC if is_public else Result.CLOSED
                )
            )
        page = page_of(places_of(*policies))
        assert len(page.data().contents) == self.NUMBER
        of_the_page_itself = 60_000
        assert len(page.source.encode()) <= of_the_page_itself + (8_000_000 - of_the_page_itself) * self.NUMBER / 10_000


def test_other_formats_import_neither_the_template_engine_nor_the_remedies() -> None:
    code = (
        "import sys, ecr_exposure.cli.check\n"
        "print({'jinja2', 'boto3', 'ecr_exposure.cli.remediation.how_to_apply'} & set(sys.modules))"
    )
    answer = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=RULE, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_not_public_repository_without_a_policy_has_a_row_without_text() -> None:
    data = page_of(places_of(repository(None, result=Result.CLOSED))).data()
    assert data.content(0)["policy"] == []
    assert data.head["messages"] != [NOT_PUBLIC]
