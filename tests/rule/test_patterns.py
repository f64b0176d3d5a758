"""Wildcard patterns, compared with a slow recursive definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure.policy.patterns import ascii_lower, has_wildcard, matches, simplified


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("*", "", True),
        ("?", "", False),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "xaba", False),
        ("**", "anything", True),
        ("ecr:Get*Image", "ecr:GetImage", True),
        ("?*?", "x", False),
        ("*?b", "ab", True),
        ("A", "a", False),
        ("a.c", "abc", False),
    ],
)
def test_pattern_matches_the_text(pattern: str, text: str, *, expected: bool) -> None:
    assert matches(pattern, text) is expected


def by_definition(pattern: str, text: str) -> bool:
    """Try everything that a star can stand for."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_definition(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and by_definition(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=7), st.text("ab*?", max_size=8))
def test_matching_agrees_with_its_recursive_definition(pattern: str, text: str) -> None:
    assert matches(pattern, text) == by_definition(pattern, text)


def test_many_stars_do_not_slow_the_matching() -> None:
    """A matcher that backtracks would not end."""
    assert not matches("*a" * 2_000 + "b", "a" * 5_000)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_simplified_pattern_matches_the_same_texts(pattern: str, text: str) -> None:
    assert matches(simplified(pattern), text) == matches(pattern, text)


def test_only_asterisk_and_question_mark_are_wildcards() -> None:
    assert has_wildcard("a*")
    assert has_wildcard("a?")
    assert not has_wildcard("a.[b]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ECR:PutImage", "ecr:putimage"),
        ("AZ[@`{az", "az[@`{az"),
        ("KEY\u212a", "key\u212a"),
        ("I\u0130\u00c4", "i\u0130\u00c4"),
    ],
)
def test_only_ascii_letters_have_a_lower_case(text: str, expected: str) -> None:
    """str.lower() makes an ASCII k of the Kelvin sign U+212A."""
    assert ascii_lower(text) == expected
