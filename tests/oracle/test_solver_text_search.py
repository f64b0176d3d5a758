"""Texts that are found by walks through automata, against the solver's own regular expressions."""

import itertools
from collections.abc import Iterator

import pytest

from tests.nightly import NIGHTLY
from tests.oracle import solver_logic as logic
from tests.oracle import solver_value_domains as domains
from tests.oracle.solver_patterns import Pattern, accepts, literal, read_pattern
from tests.oracle.solver_text_search import find_text
from tests.oracle.solver_value_domains import ValueDomain
from tests.oracle.solver_values import pattern_regex

STEPS = 200_000
NO_TEXTS: frozenset[str] = frozenset()
NONE: frozenset[Pattern] = frozenset()

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


def read(text: str) -> Pattern:
    """A pattern with wildcards."""
    return read_pattern(text, wildcards=True, variables=False)


def choices(name: str, most: int) -> Iterator[tuple[frozenset[Pattern], frozenset[Pattern]]]:
    """Every way in which up to so many patterns of a domain can match or not."""
    patterns = [read(text) for text in DOMAINS[name][1]]
    for count in range(1, most + 1):
        for chosen in itertools.combinations(patterns, count):
            for outcomes in itertools.product((True, False), repeat=count):
                matching = frozenset(itertools.compress(chosen, outcomes))
                yield matching, frozenset(chosen) - matching


def solve(domain: ValueDomain, matching: frozenset[Pattern], failing: frozenset[Pattern]) -> logic.Verdict:
    """What the solver answers about such a text."""
    subject = logic.text_var("subject")
    asked = [logic.matches(subject, pattern_regex(pattern)) for pattern in matching]
    asked += [logic.no(logic.matches(subject, pattern_regex(pattern))) for pattern in failing]
    return logic.Solver([logic.matches(subject, domain.regex), *asked], logic.Budget(STEPS)).check()


@pytest.mark.parametrize("name", DOMAINS)
def test_text_is_in_the_domain_and_matches_as_wanted(name: str) -> None:
    domain = DOMAINS[name][0]
    for matching, failing in choices(name, 3 if NIGHTLY else 2):
        text = find_text(domain, matching, failing, NO_TEXTS).text
        if text is not None:
            assert all(accepts(pattern, text) for pattern in matching)
            assert not any(accepts(pattern, text) for pattern in failing)
            in_domain = logic.matches(logic.text(text), domain.regex)
            assert logic.Solver([in_domain], logic.Budget(STEPS)).check() == "sat"


@pytest.mark.parametrize("name", DOMAINS)
def test_solver_finds_no_text_where_none_was_found(name: str) -> None:
    """Nor with the fewer patterns that are said to contradict each other."""
    domain = DOMAINS[name][0]
    for matching, failing in choices(name, 2):
        found = find_text(domain, matching, failing, NO_TEXTS)
        if found.text is None:
            assert solve(domain, matching, failing) != "sat"
            assert found.core is not None
            assert found.core[0] <= matching
            assert found.core[1] <= failing
            assert solve(domain, *found.core) != "sat"


def test_excluded_texts_are_left_out() -> None:
    """Of ten account ids, nine are excluded, then all."""
    pattern = frozenset({read("11112222333?")})
    nine = frozenset(f"11112222333{digit}" for digit in range(9))
    assert find_text(domains.ACCOUNT_DOMAIN, pattern, NONE, nine).text == "111122223339"
    none = find_text(domains.ACCOUNT_DOMAIN, pattern, NONE, nine | {"111122223339"})
    assert none.text is None
    assert none.core == (pattern, NONE)


def test_sixty_names_are_quick() -> None:
    """A text with one of the names and none of the others, and one with none of them."""
    names = [read(f"*{word}-{number}*") for word in ("deploy", "admin", "read-only") for number in range(20)]
    for name in names:
        text = find_text(domains.NAME_DOMAIN, frozenset({name}), frozenset(names) - {name}, NO_TEXTS)
        assert text.text is None or accepts(name, text.text)
        assert text.steps < 1_000_000
    assert find_text(domains.NAME_DOMAIN, NONE, frozenset(names), NO_TEXTS).text is not None


def test_long_word_is_quick() -> None:
    word = frozenset({literal("9" * 10_000)})
    assert find_text(domains.NAME_DOMAIN, word, NONE, NO_TEXTS).text == "9" * 10_000
    assert find_text(domains.ACCOUNT_DOMAIN, word, NONE, NO_TEXTS).text is None
