"""The layout of the repository: names of modules, length of test files, complexity of functions."""

from collections import defaultdict
from pathlib import Path
from typing import Final

from radon.complexity import cc_visit
from radon.visitors import Function

ROOT: Final = Path(__file__).parent.parent
RULE: Final = sorted((ROOT / "rule").rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))
# Python and pytest prescribe these names.
PRESCRIBED: Final = {"__init__", "conftest"}


def test_no_two_modules_have_the_same_name() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for file in (*RULE, *TESTS):
        files[file.stem].append(str(file.relative_to(ROOT)))
    shared = [", ".join(found) for name, found in files.items() if len(found) > 1 and name not in PRESCRIBED]
    assert not shared, "\n".join(shared)


def test_no_test_file_has_more_than_500_lines() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in TESTS}
    long = [f"{file.relative_to(ROOT)}: {length}" for file, length in lengths.items() if length > 500]
    assert not long, "\n".join(long)


def test_no_function_of_the_rule_has_a_complexity_above_15() -> None:
    functions = [
        (file.relative_to(ROOT), block)
        for file in RULE
        for block in cc_visit(file.read_text(encoding="utf-8"))
        if isinstance(block, Function)
    ]
    assert functions
    complex_ones = [
        f"{file}: {block.fullname}: {block.complexity}" for file, block in functions if block.complexity > 15
    ]
    assert not complex_ones, "\n".join(complex_ones)
