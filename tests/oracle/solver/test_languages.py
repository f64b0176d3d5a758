"""The combinations of answers against the solver's own regular expressions."""

import itertools

import pytest

from tests.oracle.solver import logic, shapes
from tests.oracle.solver.languages import combinations
from tests.oracle.solver.patterns import Pattern, accepts, read_pattern
from tests.oracle.solver.pieces import pattern_regex

SHAPES = {
    "account": (shapes.ACCOUNT_SHAPE, ["1*", "11112222333?", "*3", "111122223333", "1*2*3*", "a*"]),
    "organization": (shapes.ORGANIZATION_SHAPE, ["o-*", "o-a*", "o-abcdefghij", "*z", "?-??????????", "r-*"]),
    "units": (shapes.UNITS_SHAPE, ["r-ab12/*", "*/ou-ab12-11111111/*", "r-*/", "r-ab12/", "*1/"]),
    "path": (shapes.PATH_SHAPE, ["", "a/*", "*/b/", "*adm", "a/b/", "?"]),
    "name": (shapes.NAME_SHAPE, ["ci", "c*", "*admin*", "?", "a b", "*-*-*"]),
    "role id": (shapes.ROLE_ID_SHAPE, ["AROA*", "AIDA*", "AROAEXAMPLEROLEID123", "*Z"]),
    "printable": (shapes.some(shapes.PRINTABLE, 0), ["*a", "b*", "*a*b*", "", "\u00e9", "x y"]),
    "no ARN": (shapes.NO_ARN_SHAPE, ["arn:*", "ar*", "a?n", "*:*", ""]),
}


def patterns_of(name: str) -> list[tuple[Pattern, ...]]:
    """Every two patterns, and all."""
    read = [read_pattern(text, wildcards=True, variables=False) for text in SHAPES[name][1]]
    return [*itertools.combinations(read, 2), tuple(read)]


@pytest.mark.parametrize("name", SHAPES)
def test_every_text_answers_as_it_should(name: str) -> None:
    """A text found for a combination is of the shape and answers every pattern like that; two texts differ."""
    shape = SHAPES[name][0]
    for patterns in patterns_of(name):
        found = combinations(shape, patterns, want=2)
        assert found is not None
        for answers, texts in found.items():
            assert len(set(texts)) == len(texts)
            for text in texts:
                assert tuple(accepts(pattern, text) for pattern in patterns) == answers
                assert logic.solve([logic.matches(logic.text(text), shape.regex)], 2000).verdict == "sat"


@pytest.mark.parametrize("name", SHAPES)
def test_no_combination_is_missing(name: str) -> None:
    """The solver finds no text whose answers were not found."""
    shape, subject = SHAPES[name][0], logic.text_var("subject")
    for patterns in patterns_of(name)[:-1]:
        found = combinations(shape, patterns)
        assert found is not None
        for answers in set(itertools.product((True, False), repeat=len(patterns))) - set(found):
            parts = [logic.matches(subject, pattern_regex(pattern)) for pattern in patterns]
            asked = [part if answer else logic.no(part) for part, answer in zip(parts, answers, strict=True)]
            assert logic.solve([logic.matches(subject, shape.regex), *asked], 500).verdict != "sat"


def test_forbidden_texts_are_left_out() -> None:
    """Of ten accounts nine are forbidden."""
    pattern = read_pattern("11112222333?", wildcards=True, variables=False)
    nine = frozenset(f"11112222333{digit}" for digit in range(9))
    found = combinations(shapes.ACCOUNT_SHAPE, (pattern,), nine, want=2)
    assert found is not None
    assert found[True,] == ["111122223339"]
    assert (True,) not in (combinations(shapes.ACCOUNT_SHAPE, (pattern,), nine | {"111122223339"}) or {})
