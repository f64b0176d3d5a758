"""Tests that run once a folder of the corpus: a test for each case would cost more than the case."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TypeVar

import pytest

from tests.corpus.loader import Case

_Test = TypeVar("_Test", bound=Callable[..., None])


def each_case(cases: Iterable[Case]) -> Callable[[_Test], Callable[..., None]]:
    """Return a decorator: the test, called with every case of one folder, fails with the failures of all of them."""
    folders: dict[str, list[Case]] = {}
    for case in cases:
        folders.setdefault(case.name.rpartition("/")[0], []).append(case)

    def decorate(test: _Test) -> Callable[..., None]:
        @wraps(test)
        def run(*arguments: object, case: list[Case], **others: object) -> None:
            failures = []
            for each in case:
                try:
                    test(*arguments, case=each, **others)
                except Exception as error:  # noqa: BLE001 - what a test raises is its failure
                    error.add_note(f"Case: {each.name}")
                    failures.append(error)
            if failures:
                raise ExceptionGroup("cases", failures)

        # The test's signature, which pytest reads, has the parameter `case`.
        of_each_folder: Callable[..., None] = pytest.mark.parametrize("case", [*folders.values()], ids=[*folders])(run)
        return of_each_folder

    return decorate
