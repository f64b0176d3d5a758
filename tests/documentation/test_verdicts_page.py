"""docs/verdicts.md says what the corpus and the tables of the code say."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import judge
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.policy.actions import CAPABILITY_OF, REGISTRY_ACTIONS, Capability
from ecr_exposure.policy.condition_keys import PREFIXES, TABLE, ConditionKey, Presence
from ecr_exposure.policy.operators import ValueType
from ecr_exposure.repository import Repository
from ecr_exposure.search.strings import LIMIT
from ecr_exposure.verdict import evaluate_repository
from tests.corpus.loader import Case, all_cases, all_rows
from tests.documentation.pages import ROOT, VERDICTS, blocks, section, table, text_of, ticked

CASES: Final[dict[str, Case]] = {case.name: case for case in all_cases()}
# By the first part of a row's id: the section that explains the rows.
SECTIONS: Final = {"document": "Documents", "decision": "The decision table"}


def explained() -> dict[str, tuple[str, str, str]]:
    """Return for each row that the page explains: its sentences, its case, and the verdict that the page gives."""
    found: dict[str, tuple[str, str, str]] = {}
    pattern = r"^(\d+a?)\. (.*?)\s+\[Example\]\(\.\./tests/corpus/(\S+)\.yaml\): (\w+)$"
    for kind, heading in SECTIONS.items():
        for number, text, case, verdict in re.findall(pattern, section(VERDICTS, heading), re.MULTILINE | re.DOTALL):
            found[f"{kind}-{number}"] = (" ".join(text.split()), case, verdict)
    return found


EXPLAINED: Final = explained()
EACH_ROW: Final = pytest.mark.parametrize("row", EXPLAINED)


class TestRows:
    """The page explains each row of the corpus that is about decisions or documents, with an example."""

    def test_sentences_are_those_of_the_corpus(self) -> None:
        expected = {row: text for row, text in all_rows().items() if row.partition("-")[0] in SECTIONS}
        assert {row: text for row, (text, _, _) in EXPLAINED.items()} == expected

    @EACH_ROW
    def test_example_is_a_case_that_shows_the_row(self, row: str) -> None:
        _, name, _ = EXPLAINED[row]
        assert name in CASES, f"tests/corpus/{name}.yaml is missing; these show {row}: {shown(row)}"
        assert row in CASES[name].rows, f"{name} does not list {row}; these do: {shown(row)}"

    @EACH_ROW
    def test_verdict_of_the_example_is_that_of_the_case(self, row: str) -> None:
        _, name, verdict = EXPLAINED[row]
        assert CASES[name].expect["reachable"] == verdict


def shown(row: str) -> list[str]:
    """Return the cases that list a row."""
    return [name for name, case in CASES.items() if row in case.rows]


def row_of(name: str, key: ConditionKey) -> list[str]:
    """Return the cells that a key should have."""
    text = ["text"] if key.fits(ValueType.STRING) else []
    types = ", ".join([*text, *(each.name.lower() for each in key.types)])
    values = "–" if key.presence is Presence.NEVER else key.domain.value
    return [f"`{name}`", key.presence.value, values, types + (", several values" if key.multivalued else "")]


class TestTables:
    """Keys, actions and limits are those of the code."""

    def test_keys(self) -> None:
        keys = [row_of(key.spelling, key) for key in TABLE]
        prefixes = [row_of(f"{prefix.spelling}*", prefix) for prefix in PREFIXES]
        assert table(section(VERDICTS, "Condition keys")) == keys + prefixes

    def test_actions(self) -> None:
        expected = {
            capability.value: [action for action, of in CAPABILITY_OF.items() if of is capability]
            for capability in Capability
        }
        text = " ".join(section(VERDICTS, "Actions").split())
        repository, _, registry = text.partition("Registry-level actions, which a repository policy cannot grant: - ")
        shown = {
            capability: names_in(names) for capability, names in re.findall(r"\*\*(\w+)\*\*: ([\w, ]+)", repository)
        }
        assert shown == expected
        assert list(shown) == list(expected)
        assert set(names_in(re.match(r"[\w, ]+?(?= A pattern)", registry)[0])) == REGISTRY_ACTIONS  # type: ignore[index]

    def test_budget(self) -> None:
        assert f"stops after {LIMIT:,}." in text_of(VERDICTS)


def names_in(text: str) -> list[str]:
    """Return the actions of a list of names."""
    return [f"ecr:{name}" for name in text.strip().split(", ")]


class TestExamples:
    """The examples on the page are true."""

    def test_python_examples_run(self) -> None:
        """Each goes on with the names of those before it."""
        examples = blocks(VERDICTS, "python")
        assert len(examples) == 2
        example = "\n".join(examples)
        subprocess.run([sys.executable, "-c", example], cwd=ROOT / "rule", check=True)  # noqa: S603 - our own page

    def test_witness_is_that_of_a_public_policy(self) -> None:
        policy = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}}
        assert f"`{judge(policy, test='reachable').grants[0].witness}`" in section(VERDICTS, "The search")

    def test_reason_is_that_of_a_condition_with_forallvalues(self) -> None:
        statement = {
            "Sid": "Org",
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}},
        }
        (grant,) = judge({"Statement": statement}, test="reachable").grants
        reason, _ = blocks(VERDICTS, "text")
        assert " ".join(reason.split()) == grant.reason

    def test_annotation_is_that_of_a_public_repository(self) -> None:
        policy = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}}
        repository = Repository(account="111122223333", region="eu-west-1", name="team/app", arn="", policy=policy)
        verdict = evaluate_repository(repository, RuleParameters(), datetime.now(UTC))
        _, annotation = blocks(VERDICTS, "text")
        assert " ".join(annotation.split()) == verdict.annotation


def reported_policies() -> dict[str, dict[str, Any]]:
    """Return the statements of the section about other tools, by Sid."""
    (block,) = blocks(VERDICTS, "json")
    return {statement["Sid"]: statement for statement in json.loads(block)}


class TestOtherTools:
    """What the page says of policies that were reported to other tools."""

    ROWS: Final = table(section(VERDICTS, "What others say"))
    OWNER: Final = "111122223333"

    def test_each_statement_has_a_row_and_a_remark(self) -> None:
        text = section(VERDICTS, "What others say")
        names = [name for row in self.ROWS for name in ticked(row[2])]
        assert names == list(reported_policies()) == re.findall(r"^- `(\w+)`:", text, re.MULTILINE)

    def test_each_report_is_linked(self) -> None:
        text = section(VERDICTS, "What others say")
        named = re.findall(r"\]\[(\w+)\]", text)
        assert named == re.findall(r"^\[(\w+)\]: https://github\.com/", text, re.MULTILINE)

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2])
    def test_verdicts_are_those_of_the_rule(self, row: list[str]) -> None:
        (name,) = ticked(row[2])
        statement = reported_policies()[name]
        policy = {"Version": "2012-10-17", "Statement": statement}
        trusted = statement.get("Condition", {}).get("StringEquals", {}).get("aws:PrincipalAccount", ())
        public = judge(policy, test="reachable", owner=self.OWNER)
        external = judge(policy, test="external", owner=self.OWNER, trusted_accounts=trusted)
        assert [public.compliance, external.compliance] == row[3:]

    def test_stringequals_alone_would_be_compliant(self) -> None:
        statement = reported_policies()["ForAllValues"]
        (value,) = statement["Condition"].values()
        fixed = {"Statement": {**statement, "Condition": {"StringEquals": value}}}
        assert judge(fixed, test="reachable").compliance == "COMPLIANT"
