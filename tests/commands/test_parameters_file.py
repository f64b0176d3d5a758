"""parameters.yaml: what is read, what is refused with its line, and what a change keeps."""

import re
import stat
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.values.parameters_file import as_sam_reads, parse, quoted, read_parameters, write_parameters

TEXT: Final = """\
# The values
---

DeployAs: organization-rule  # the shape
# kept
  # kept, too

ExcludedAccounts: '111122223333,444455556666'
AlarmTopicName:   # none yet
trustedAccounts:
- "111122223333"
- "444455556666"

RuleName: >-
  ecr
  rule
# the end
"""


class TestReading:
    """Each value, and its place."""

    def test_values_and_lines_are_known(self) -> None:
        entries = parse(TEXT, "f").entries.values()
        assert [(entry.name, entry.value, entry.line) for entry in entries] == [
            ("DeployAs", "organization-rule", 4),
            ("ExcludedAccounts", "111122223333,444455556666", 8),
            ("AlarmTopicName", "", 9),
            ("trustedAccounts", "111122223333,444455556666", 10),
            ("RuleName", "ecr rule", 14),
        ]

    @pytest.mark.parametrize("text", ["", "\n", "# only\n# comments\n", "---\n", "--- # nothing\n", "\ufeff# a\n"])
    def test_file_without_values_is_empty(self, text: str) -> None:
        assert parse(text, "f").values == {}

    def test_missing_file_is_empty(self, tmp_path: Path) -> None:
        assert read_parameters(tmp_path / "parameters.yaml").values == {}

    @pytest.mark.parametrize(
        ("text", "line", "problem"),
        [
            ("- a\n", 1, 'not a map of names and values; accepted is one NAME: "value" a line'),
            ("# a\nnothing\n", 2, "not a map of names and values"),
            ("DeployAs=account-rule\n", 1, "not a map of names and values"),
            ("# a\n{DeployAs: x}\n", 2, "a map in braces is not accepted"),
            ("{}", 1, "a map in braces is not accepted"),
            ("A: 1\n\nB: 2\nA: 3\n", 4, "A is a duplicate: line 1 has it, too; delete one of them"),
            ("A:\n  B: 1\n", 2, "A has a nested value"),
            ("A: x\nB: [x, [y]]\n", 2, "B has a nested value"),
            ("A: x\nB:\n  - C: y\n", 3, "B has a nested value"),
            ("A: x\nB: &id y\n", 2, "an anchor (&) is not accepted"),
            ("A: x\nB: *id\n", 2, "an alias (*) is not accepted"),
            ("A: x\nB: */public\n", 2, "not valid YAML: while scanning an alias, expected alphabetic or numeric"),
            ("A: x\nB: !Ref y\n", 2, "a tag (!) is not accepted"),
            ("%YAML 1.1\n---\nA: x\n", 1, "a directive (%) is not accepted"),
            ("A: x\n$include: other.yaml\n", 2, "'$include' is not the name of a parameter"),
            ("A: x\n<<: y\n", 2, "'<<' is not the name of a parameter"),
            ("A: x\n? [B]\n: y\n", 2, "'a list or a map' is not the name of a parameter"),
            ("A: x\n---\nB: y\n", 2, "not valid YAML: expected a single document"),
            ("A: x\n B: y\n", 2, "not valid YAML: mapping values are not allowed here"),
            ("A: 'x\n", 2, "not valid YAML: while scanning a quoted scalar"),
            ("A: x\nB: \x07\n", 2, "not valid YAML: the character U+0007"),
            ("A: x\nB: y\u2028z\n", 2, "the character U+2028, which may or may not end a line"),
        ],
    )  # fmt: skip
    def test_what_is_not_accepted_is_refused_with_its_line(self, text: str, line: int, problem: str) -> None:
        with pytest.raises(CannotRunError) as raised:
            parse(text, "parameters.yaml")
        assert raised.value.message.startswith(f"parameters.yaml, line {line}: {problem}")

    def test_bytes_that_are_not_utf_8_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"A: \xff")
        with pytest.raises(CannotRunError, match="is not encoded in UTF-8: byte 4"):
            read_parameters(tmp_path / "f")

    def test_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CannotRunError, match="cannot be read: Is a directory"):
            read_parameters(tmp_path)


class TestChanging:
    """One value changes, and nothing else does."""

    @pytest.mark.parametrize(
        ("name", "before", "after"),
        [
            ("DeployAs", "DeployAs: organization-rule  # the shape", 'DeployAs: "new"  # the shape'),
            ("ExcludedAccounts", "ExcludedAccounts: '111122223333,444455556666'", 'ExcludedAccounts: "new"'),
            ("AlarmTopicName", "AlarmTopicName:   # none yet", 'AlarmTopicName: "new"   # none yet'),
            ("trustedAccounts", 'trustedAccounts:\n- "111122223333"\n- "444455556666"\n', 'trustedAccounts: "new"\n'),
            ("RuleName", "RuleName: >-\n  ecr\n  rule\n", 'RuleName: "new"\n'),
        ],
    )
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_value_is_replaced_in_place(self, name: str, before: str, after: str, line_end: str) -> None:
        text = TEXT.replace("\n", line_end)
        expected = TEXT.replace(before, after).replace("\n", line_end)
        assert expected != text
        assert parse(text, "f").with_values({name: "new"}).text == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", 'A: "1"\nB: ""\n'),
            ("# a\n", '# a\nA: "1"\nB: ""\n'),
            ("\ufeff", '\ufeffA: "1"\nB: ""\n'),
            ("\ufeffC: x\n", '\ufeffC: x\nA: "1"\nB: ""\n'),
            ("C: x", 'C: x\nA: "1"\nB: ""'),
            ("C: x\r\n# b\r\n", 'C: x\r\n# b\r\nA: "1"\r\nB: ""\r\n'),
            ("---\n  C: x\n...\n# end\n", '---\n  C: x\n  A: "1"\n  B: ""\n...\n# end\n'),
            ("A: '0'\n", 'A: "1"\nB: ""\n'),
        ],
    )
    def test_new_lines_are_added_at_the_end(self, text: str, expected: str) -> None:
        assert parse(text, "f").with_values({"A": "1", "B": ""}).text == expected

    def test_equal_value_in_quotes_stays_as_it_is(self) -> None:
        text = "A: 'x'\nB: [a, b]\nC: 'true'\n"
        assert parse(text, "f").with_values({"A": "x", "B": "a,b", "C": "true"}).text == text

    def test_equal_value_without_quotes_gets_them_where_sam_reads_something_else(self) -> None:
        assert parse("A: true # a\nB: x\n", "f").with_values({"A": "true", "B": "x"}).text == 'A: "true" # a\nB: x\n'

    @pytest.mark.parametrize(
        "text", ["A:\n  - x # one\n  - y\n", "A: | # why\n  x\n", "A: [x, # one\n    y]\n", "A:\n  # all\n  - x\n"]
    )
    def test_value_with_a_comment_inside_is_not_replaced(self, text: str) -> None:
        with pytest.raises(CannotRunError, match="line 1: A cannot be changed without the loss of a comment"):
            parse(text, "f").with_values({"A": "1"})

    def test_change_that_would_change_another_value_is_refused(self) -> None:
        """A new line would add a newline to the last value."""
        with pytest.raises(CannotRunError, match="f cannot be changed without another value changing; edit the file"):
            parse("A: |\n  x", "f").with_values({"B": "1"})

    def test_value_that_ends_in_newlines_keeps_them(self) -> None:
        after = parse("A: |+\n  x\n\n...\n", "f").with_values({"B": "1"})
        assert after.text == 'A: |+\n  x\n\nB: "1"\n...\n'
        assert after.values == {"A": "x\n\n", "B": "1"}

    def test_value_that_sam_would_change_is_refused(self) -> None:
        with pytest.raises(CannotRunError, match="cannot be changed"):
            parse("", "f").with_values({"A": '"x"'})


NAMES: Final = st.sampled_from(["A", "DeployAs", "ExcludedAccounts", "publicAccessTest", "B2", "true", "0"])
SAFE: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(
    lambda text: as_sam_reads(text) == text
)
PLAIN: Final = st.sampled_from(["x", "true", "007", "o-1234567890", "a,b", "", "~", "365"])
BREAKS: Final = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a file of comments, blank lines and values in every form."""
    forms = SAFE.map(quoted) | PLAIN | PLAIN.map("'{}'".format) | SAFE.map(lambda text: f"[{quoted(text)}, b]")
    lines: list[str] = draw(st.sampled_from([[], ["---"], ["# first", ""]]))
    indent = " " * draw(st.sampled_from([0, 0, 2]))
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        above = draw(st.sampled_from([[], ['# above: "x'], [""], ["    # deep"]]))
        comment = draw(st.sampled_from(["", "  # why: 'x'", " #"]))
        lines = [*lines, *above, f"{indent}{name}: {draw(forms)}{comment}"]
    lines += draw(st.sampled_from([[], ["# last"], [""], ["", ""]]))
    return draw(st.sampled_from(["", "\ufeff"])) + draw(BREAKS).join(lines)


@given(text=files(), values=st.dictionaries(NAMES, SAFE, max_size=3))
def test_change_keeps_all_other_values_comments_and_their_order(text: str, values: dict[str, str]) -> None:
    before = parse(text, "f")
    after = before.with_values(values)
    assert list(after.values.items()) == list({**before.values, **values}.items())
    assert after.with_values(values).text == after.text
    kept = [line for line in re.split("\r?\n", text) if line.strip() and line.strip()[0] in "#\ufeff-"]
    left = iter(re.split("\r?\n", after.text))
    assert all(any(line == other for other in left) for line in kept if not line.startswith("\ufeff"))
    for name, entry in before.entries.items():
        if name not in values:
            assert text[entry.start : entry.end] == after.text[after.entries[name].start : after.entries[name].end]
        tail = re.match(r"[^\r\n]*", text[entry.end :])
        new_tail = re.match(r"[^\r\n]*", after.text[after.entries[name].end :])
        assert tail
        assert new_tail
        assert tail[0] == new_tail[0]
    assert ("\r\n" in after.text) >= ("\r\n" in text)
    assert after.text.startswith("\ufeff") == text.startswith("\ufeff")


class TestWriting:
    """The file is replaced at once."""

    def test_mode_stays_and_no_other_file_is_left(self, tmp_path: Path) -> None:
        file = tmp_path / "parameters.yaml"
        file.write_text("A: x\n")
        file.chmod(0o640)
        write_parameters(file, read_parameters(file).with_values({"A": "y"}))
        assert file.read_text() == 'A: "y"\n'
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert list(tmp_path.iterdir()) == [file]

    def test_link_stays_and_its_file_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "project").mkdir()
        file, link = tmp_path / "values.yaml", tmp_path / "project" / "parameters.yaml"
        file.write_text("A: x\n")
        link.symlink_to(file)
        write_parameters(link, read_parameters(link).with_values({"A": "y"}))
        assert link.is_symlink()
        assert file.read_text() == 'A: "y"\n'

    def test_new_file_says_what_it_is(self, tmp_path: Path) -> None:
        file = tmp_path / "parameters.yaml"
        write_parameters(file, read_parameters(file).with_values({"A": "y"}))
        first, last = file.read_text().splitlines()
        assert first.startswith("# The values of the stack")
        assert last == 'A: "y"'

    def test_failed_replacement_leaves_nothing_behind(self, tmp_path: Path) -> None:
        (tmp_path / "parameters.yaml").mkdir()
        with pytest.raises(CannotRunError, match="cannot be written, and is unchanged: Is a directory"):
            write_parameters(tmp_path / "parameters.yaml", parse("A: x\n", "f"))
        assert list(tmp_path.iterdir()) == [tmp_path / "parameters.yaml"]

    @pytest.mark.parametrize("read_only", ["parameters.yaml", "."])
    def test_read_only_file_or_folder_is_an_error(self, read_only: str, tmp_path: Path) -> None:
        file = tmp_path / "parameters.yaml"
        file.write_text("A: x\n")
        parameters = read_parameters(file).with_values({"A": "y"})
        mode = (tmp_path / read_only).stat().st_mode
        (tmp_path / read_only).chmod(0o555)
        try:
            with pytest.raises(CannotRunError, match=r"cannot be written, and is unchanged: .* is read-only"):
                write_parameters(file, parameters)
        finally:
            (tmp_path / read_only).chmod(mode)
        assert file.read_text() == "A: x\n"
        assert list(tmp_path.iterdir()) == [file]
