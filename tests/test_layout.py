"""The layout of the repository: names of modules, length of test files, complexity of functions, what make runs."""

import shlex
from collections import Counter, defaultdict
from fnmatch import fnmatch
from itertools import pairwise, permutations
from pathlib import Path
from typing import Final

from radon.complexity import cc_visit
from radon.visitors import Function

from tests.commands.test_main import run_make

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


def test_make_runs_each_test_file_once() -> None:
    """With coverage or without; pytest leaves out what another argument contains, and what --ignore names."""
    printed = run_make("tests").stdout
    runs = [shlex.split(line) for line in printed.splitlines() if " -m pytest " in line]
    assert len(runs) == 2
    assert [run for run in runs if "--ignore" in run] == []
    assert Counter(file for run in runs for file in files_of(run)) == Counter((ROOT / "tests").rglob("test_*.py"))


def files_of(command: list[str]) -> list[Path]:
    """Return the files that pytest collects by a command whose arguments begin with "tests"."""
    arguments = [ROOT / word for word in command if word.startswith("tests")]
    assert [(one, other) for one, other in permutations(arguments, 2) if one.is_relative_to(other)] == []
    ignored = [glob for option, glob in pairwise(command) if option == "--ignore-glob"]
    found = [file for each in arguments for file in ([each] if each.is_file() else each.rglob("test_*.py"))]
    return [file for file in found if not any(fnmatch(str(file), glob) for glob in ignored)]
