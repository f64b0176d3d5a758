"""The oracle against labels from hand, its witnesses against shapes, and a smoke test."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle.enumeration.actions import REGISTRY_ACTIONS, REPOSITORY_ACTIONS
from tests.oracle.enumeration.cases import ORG, Case, allow, deny, doc
from tests.oracle.enumeration.cases_keys import BORDER, KEYS
from tests.oracle.enumeration.cases_operators import ABSENCE, MATCHING
from tests.oracle.enumeration.cases_rows import ROWS
from tests.oracle.enumeration.evaluator import ACTION, CALLER, Rules, allowed
from tests.oracle.enumeration.oracle import decide, examine, open_points
from tests.oracle.enumeration.policy import parse_policy
from tests.oracle.enumeration.values import is_public, parse_address, parse_date
from tests.oracle.generator.broken import Broken
from tests.oracle.generator.policies import broken_policies, policies, policy_texts, questions

_SMOKE = settings(max_examples=settings().max_examples // 2, suppress_health_check=list(HealthCheck))
_NAME = r"[\w+=,.@-]+"
_ARN = re.compile(
    rf"arn:aws[a-z-]*:(iam::\d{{12}}:(root|(user|role)/([!-~]+/)?{_NAME})|sts::\d{{12}}:federated-user/{_NAME})",
    re.ASCII,
)
_PATH = re.compile(r"o-[a-z0-9]{10,32}/r-[a-z0-9]{4,32}/(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*", re.ASCII)
_USER_IDS = {
    "User": r"AIDA[A-Z0-9]{12,28}",
    "AssumedRole": rf"AROA[A-Z0-9]{{12,28}}:{_NAME}",
    "FederatedUser": rf"\d{{12}}:{_NAME}",
    "Account": r"\d{12}",
}


@pytest.mark.parametrize("case", [*ROWS, *ABSENCE, *MATCHING, *KEYS, *BORDER], ids=lambda case: case.name)
def test_a_label_from_hand_holds(case: Case) -> None:
    """The oracle says what a person reads from the rules."""
    assert decide(case.policy, **case.arguments()) == case.expected


def test_there_are_35_repository_actions_and_25_others() -> None:
    """The table of actions is complete."""
    assert len(set(REPOSITORY_ACTIONS)) == 35
    assert len(set(REGISTRY_ACTIONS)) == 25
    assert not set(REPOSITORY_ACTIONS) & set(REGISTRY_ACTIONS)


def test_every_row_of_the_table_is_hit() -> None:
    """Each of the 37 rows has a case."""
    assert {int(case.name.split()[0]) for case in ROWS} == set(range(1, 38))


def _check_person(request: dict[str, tuple[str, ...]]) -> None:
    """The texts about the caller have their shapes and fit each other."""
    arn, account = request["aws:principalarn"][0], request["aws:principalaccount"][0]
    kind = request["aws:principaltype"][0]
    assert _ARN.fullmatch(arn)
    assert arn.split(":")[4] == account
    assert re.fullmatch(_USER_IDS[kind], request["aws:userid"][0], re.ASCII)
    assert ("aws:username" in request) == (kind == "User")
    if kind == "User":
        assert arn.rsplit("/", 1)[1] == request["aws:username"][0]
    if kind == "AssumedRole":
        name, session = arn.rsplit("/", 1)[1], request["aws:userid"][0].split(":")[1]
        assert request[CALLER][0].endswith(f"::{account}:assumed-role/{name}/{session}")
    else:
        assert request[CALLER] == (arn,)


def _check_surroundings(request: dict[str, tuple[str, ...]], question: dict[str, Any]) -> None:
    """Network, organization and time fit each other and the question."""
    endpoint = {"aws:sourcevpc", "aws:sourcevpce", "aws:vpceaccount", "aws:vpcsourceip"}
    assert not ("aws:sourceip" in request and endpoint & request.keys())
    if "aws:sourceip" in request:
        address = parse_address(request["aws:sourceip"][0])
        assert address is not None
        assert is_public(address)
    for prefix in ("aws:principalorg", "aws:vpceorg", "aws:resourceorg"):
        assert (f"{prefix}id" in request) == (f"{prefix}paths" in request)
        if f"{prefix}id" in request:
            assert _PATH.fullmatch(request[f"{prefix}paths"][0])
            assert request[f"{prefix}paths"][0].startswith(request[f"{prefix}id"][0] + "/")
    if "aws:principalorgid" in request:
        assert request["aws:principalorgid"] != request.get("aws:resourceorgid")
        assert request["aws:principalorgid"][0] not in question["trusted_organizations"]
    if "aws:currenttime" in request:
        moment = parse_date(request["aws:currenttime"][0])
        assert moment is not None
        assert moment == int(request["aws:epochtime"][0]) >= question["now"].timestamp()
        issued = parse_date(request.get("aws:tokenissuetime", ("",))[0])
        assert issued is None or moment - 36 * 3600 <= issued <= moment


@_SMOKE
@given(policies(), questions())
def test_policies_are_decided(policy: dict[str, Any], question: dict[str, Any]) -> None:
    """No exception, no problem, and a witness that is a possible outsider and gets in."""
    finding = examine(policy, **question)
    assert finding.verdict in ("open", "closed", "undecided")
    assert (finding.request is not None) == (finding.verdict == "open")
    if finding.request is not None:
        request = dict(finding.request)
        _check_person(request)
        _check_surroundings(request, question)
        assert request["aws:principalaccount"][0] not in {
            question["owner"],
            *question["members"],
            *question["trusted_accounts"],
        }
        assert request[ACTION][0].startswith("ecr:")
        rules = Rules(trusting=question["test"] == "reachable")
        assert allowed(parse_policy(policy), request, rules)


@_SMOKE
@given(policy_texts(), questions())
def test_texts_are_decided(text: str, question: dict[str, Any]) -> None:
    """A valid policy stays valid as text."""
    assert decide(text, **question) in ("open", "closed", "undecided")


@_SMOKE
@given(broken_policies(), questions())
def test_broken_policies_are_problems(broken: Broken, question: dict[str, Any]) -> None:
    """One fault is enough, and the place of the problem is the place of the fault."""
    finding = examine(broken.policy, **question)
    assert finding.verdict == "problem"
    assert finding.place == broken.place or finding.place.startswith(f"{broken.place}.")


@_SMOKE
@given(policies(), questions())
def test_one_more_deny_never_opens(policy: dict[str, Any], question: dict[str, Any]) -> None:
    """What nobody gets into stays closed when something is denied by a principal."""
    before = decide(policy, **question)
    statements = policy["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    wall = deny({"Bool": {"aws:SecureTransport": "true"}})
    more = {**policy, "Statement": [*listed, wall]}
    assert decide(more, **question) == "closed"
    if before == "closed":
        less = {**policy, "Statement": [*listed, deny(what="ecr:Put*")]}
        assert decide(less, **question) == "closed"


def test_a_small_limit_is_undecided() -> None:
    """A universe that is cut is not called closed."""
    policy = doc(allow({"StringEquals": {"aws:PrincipalOrgID": ORG}}))
    question: dict[str, Any] = {
        "test": "reachable",
        "owner": None,
        "now": datetime(2026, 1, 1, tzinfo=UTC),
    }
    assert decide(policy, **question, limit=50) == "undecided"


def test_points_left_open_are_told() -> None:
    """A short ARN pattern in a Deny depends on a reading; a plain star does not."""
    question: dict[str, Any] = {
        "test": "reachable",
        "owner": None,
        "now": datetime(2026, 1, 1, tzinfo=UTC),
    }
    short = doc(allow(), deny({"ArnLike": {"aws:PrincipalArn": "*"}}))
    assert open_points(short, **question) == ("short_arn_doubtful",)
    star = doc(allow({"StringEquals": {"aws:UserAgent": "*"}}))
    assert open_points(star, **question) == ("star_is_text",)
    spared = doc(allow(who=..., NotPrincipal={"AWS": "arn:aws:iam::*:root"}))
    assert open_points(spared, **question) == ("malformed_opens",)
    assert open_points(doc(allow()), **question) == ()


@pytest.mark.parametrize("question", [{"test": "unconditional"}, {"test": "external", "owner": None}])
def test_a_wrong_question_is_an_error(question: dict[str, Any]) -> None:
    """Only two tests are known, and one of them needs the owner."""
    with pytest.raises(ValueError, match=r"test|owner"):
        decide({}, **{"owner": None, "now": datetime(2026, 1, 1, tzinfo=UTC), **question})
