"""The combinations found beforehand against the solver's own regular expressions."""

import itertools

import pytest

from tests.oracle import solver_logic as logic
from tests.oracle import solver_value_domains as domains
from tests.oracle.solver_patterns import Pattern, accepts, read_pattern
from tests.oracle.solver_value_domains import combinations
from tests.oracle.solver_values import pattern_regex

STEPS = 1_000_000

DOMAINS = {
    "account": (domains.ACCOUNT_DOMAIN, ["1*", "11112222333?", "*3", "111122223333", "1*2*3*", "a*"]),
    "organization": (domains.ORGANIZATION_DOMAIN, ["o-*", "o-a*", "o-abcdefghij", "*z", "?-??????????", "r-*"]),
    "units": (domains.UNITS_DOMAIN, ["r-ab12/*", "*/ou-ab12-11111111/*", "r-*/", "r-ab12/", "*1/"]),
    "path": (domains.PATH_DOMAIN, ["", "a/*", "*/b/", "*adm", "a/b/", "?"]),
    "name": (domains.NAME_DOMAIN, ["ci", "c*", "*admin*", "?", "a b", "*-*-*"]),
    "role id": (domains.ROLE_ID_DOMAIN, ["AROA*", "AIDA*", "AROAEXAMPLEROLEID123", "*Z"]),
    "printable": (domains.some(domains.PRINTABLE, 0), ["*a", "b*", "*a*b*", "", "\u00e9", "x y"]),
    "no ARN": (domains.NO_ARN_DOMAIN, ["arn:*", "ar*", "a?n", "A*", "*:*", ""]),
}


def patterns_of(name: str) -> list[tuple[Pattern, ...]]:
    """Every two patterns of a domain, and all."""
    read = [read_pattern(text, wildcards=True, variables=False) for text in DOMAINS[name][1]]
    return [*itertools.combinations(read, 2), tuple(read)]


@pytest.mark.parametrize("name", DOMAINS)
def test_text_of_a_combination_matches_its_patterns(name: str) -> None:
    """It is in the domain, too, and two texts differ."""
    domain = DOMAINS[name][0]
    for patterns in patterns_of(name):
        found = combinations(domain, patterns, want=2)
        assert found is not None
        for answers, texts in found.items():
            assert len(set(texts)) == len(texts)
            for text in texts:
                assert tuple(accepts(pattern, text) for pattern in patterns) == answers
                in_domain = logic.matches(logic.text(text), domain.regex)
                assert logic.solve([in_domain], logic.Budget(STEPS)).verdict == "sat"


@pytest.mark.parametrize("name", DOMAINS)
def test_solver_finds_no_other_combination(name: str) -> None:
    domain, subject = DOMAINS[name][0], logic.text_var("subject")
    for patterns in patterns_of(name)[:-1]:
        found = combinations(domain, patterns)
        assert found is not None
        for answers in set(itertools.product((True, False), repeat=len(patterns))) - set(found):
            parts = [logic.matches(subject, pattern_regex(pattern)) for pattern in patterns]
            asked = [part if answer else logic.no(part) for part, answer in zip(parts, answers, strict=True)]
            assert logic.solve([logic.matches(subject, domain.regex), *asked], logic.Budget(STEPS)).verdict != "sat"


def test_excluded_texts_are_left_out() -> None:
    """Of ten account ids, nine are excluded, then all."""
    pattern = read_pattern("11112222333?", wildcards=True, variables=False)
    nine = frozenset(f"11112222333{digit}" for digit in range(9))
    found = combinations(domains.ACCOUNT_DOMAIN, (pattern,), nine, want=2)
    assert found is not None
    assert found[True,] == ["111122223339"]
    assert (True,) not in (combinations(domains.ACCOUNT_DOMAIN, (pattern,), nine | {"111122223339"}) or {})
