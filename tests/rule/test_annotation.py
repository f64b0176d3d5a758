"""The line in the dashboard: whole words, printable, never longer than AWS Config takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import judge


def statement(**elements: object) -> dict[str, object]:
    """Return an Allow for everyone, with these elements."""
    return {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"} | elements


def annotation(*statements: dict[str, object]) -> str:
    """Return the annotation of a policy of these statements."""
    return judge({"Version": "2012-10-17", "Statement": list(statements)}).annotation


def test_annotation_names_capabilities_statement_and_the_number_of_further_grants() -> None:
    assert annotation(statement(Sid="AllowAll"), statement(Action="ecr:ListImages")) == (
        "Everyone can administer, delete, push and pull: "
        'statement "AllowAll" allows ecr:* to * with no Condition. +1 more'
    )


def test_most_dangerous_grant_is_named() -> None:
    text = annotation(statement(Action="ecr:BatchGetImage"), statement(Action="ecr:PutImage"))
    assert text == "Everyone can push: Statement[1] allows ecr:PutImage to * with no Condition. +1 more"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Action": ["ecr:BatchGetImage", "ecr:ListImages"]}, "Everyone can pull: Statement[0] allows "
         "ecr:BatchGetImage and ecr:ListImages to * with no Condition."),
        ({"Action": ["ecr:TagResource", "ecr:ListImages", "ecr:DescribeImages", "ecr:UntagResource"]},
         "Everyone can configure and discover: Statement[0] allows "
         "ecr:TagResource, ecr:ListImages and 2 more to * with no Condition."),
        ({"Action": "ecr:GetAuthorizationToken"}, "Everyone is named, but no repository action is granted: "
         "Statement[0] allows ecr:GetAuthorizationToken to * with no Condition."),
        ({"Action": "ecr:FlyToTheMoon"}, "Everyone is allowed an unknown action: "
         "Statement[0] allows ecr:FlyToTheMoon to * with no Condition."),
        ({"Action": []}, "Everyone is named, but no repository action is granted: "
         "Statement[0] allows no action to * with no Condition."),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}, "Action": "ecr:PutImage"},
         'Everyone can push: Statement[0] allows ecr:PutImage to AWS "arn:aws:iam::*:root" with no Condition.'),
        ({"Principal": ["*"], "Action": "ecr:PutImage"},
         'Everyone can push: Statement[0] allows ecr:PutImage to Principal "*" with no Condition.'),
        ({"Sid": ""}, "Everyone can administer, delete, push and pull: "
         "Statement[0] allows ecr:* to * with no Condition."),
    ],
)  # fmt: skip
def test_annotation_says_who_can_do_what(elements: dict[str, object], expected: str) -> None:
    assert annotation(statement(**elements)) == expected


def test_not_action_is_named_by_its_exceptions() -> None:
    open_statement = statement(NotAction=["ecr:PutImage"])
    del open_statement["Action"]
    assert annotation(open_statement) == (
        "Everyone can administer, delete, push and pull: "
        "Statement[0] allows all actions except ecr:PutImage to * with no Condition."
    )


def test_long_annotation_is_cut_at_a_word_and_keeps_the_number() -> None:
    action = "ecr:BatchGetImage" + "*" * 300
    text = annotation(statement(Sid="x" * 300, Action=[action, action]), statement(Action="ecr:ListImages"))
    assert len(text) <= 256
    assert text.endswith("… +1 more")
    assert text.startswith('Everyone can pull: statement "xxx')
    problem = judge({"Statement": [{"Effect": "Allow", "Principal": {"word " * 90: 1}, "Action": "*"}]})
    assert len(problem.annotation) <= 256


@pytest.mark.parametrize("evil", ["\n", "\u202e", "\x00", "\x1b[2J", "\U0001f600", "\ud800", "\x7f", "\u2028"])
def test_unprintable_characters_of_a_policy_are_replaced(evil: str) -> None:
    """A Sid cannot break the line, turn its direction or smuggle in an escape sequence."""
    text = annotation(statement(Sid=f"a{evil}b"))
    assert text.isprintable()
    assert evil not in text
    problem = judge({"Statement": [{evil: 1}]})
    assert problem.annotation.isprintable()
    assert (problem.problem or "").isprintable()


@given(st.text(max_size=400), st.lists(st.text(max_size=300), max_size=4))
def test_annotation_has_1_to_256_printable_characters(sid: str, actions: list[str]) -> None:
    text = annotation(statement(Sid=sid, Action=actions), statement())
    assert 1 <= len(text) <= 256
    assert text.isprintable()
    text.encode("utf-8")
