"""The text of a policy: a change keeps the rest of the text, and a diff is one that patch and git apply."""

import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import RemedyError, remedy
from ecr_exposure.cli.remediation.policy_text import compact, pretty, unified_diff, with_statements_replaced
from tests.corpus.loader import all_cases
from tests.nightly import every

ORGANIZATION: Final = {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
# As people write it: blanks before colons, lists on one and on several lines, escapes, numbers in several spellings.
FILE: Final = """\
{
    "Version" : "2012-10-17",

    "Statement" : [
        {
            "Sid" : "Everyone",
            "Effect" : "Allow",
            "Principal" : {"AWS": ["*", "111122223333"]},
            "Action" : ["ecr:BatchGetImage",
                        "ecr:ListImages"]
        },
        { "Sid": "d\\u00e9ny", "Effect": "Deny", "Principal": "*", "Action": "ecr:*",
          "Condition": {"NumericEquals": {"aws:MultiFactorAuthAge": 1.50e1}} },

        {
            "Effect" : "Allow", "Principal" : {"AWS" : "444455556666"}, "Action" : "ecr:*"
        }
    ]
}
"""
DENY: Final = FILE[FILE.index("        { ") : FILE.index(' },\n\n        {\n            "Effect"') + 2]


def changed(text: str, **statements: Any) -> str:
    """Return the text with statements by their place: none for None, several for a list."""
    policy = json.loads(text)
    content = policy["Statement"]
    before = content if isinstance(content, list) else [content]
    after: list[Any] = []
    for index, statement in enumerate(before):
        new = statements.get(f"s{index}", statement)
        after += new if isinstance(new, list) else [new] if new else []
    policy["Statement"] = after if isinstance(content, list) or len(after) != 1 else after[0]
    result = with_statements_replaced(text, policy)
    assert json.loads(result) == policy
    return result


def statement(text: str, index: int, **elements: Any) -> dict[str, Any]:
    """Return a statement of a policy, with other elements."""
    content = json.loads(text)["Statement"]
    return {**(content[index] if isinstance(content, list) else content), **elements}


class TestChangedStatement:
    """Only what changes is written anew."""

    def test_new_element_is_written_in_the_style_of_the_file(self) -> None:
        expected = FILE.replace(
            '"ecr:ListImages"]\n',
            """"ecr:ListImages"],
            "Condition" : {
                "StringEquals" : {"aws:PrincipalOrgID" : "o-1234567890"}
            }
""",
        )
        assert changed(FILE, s0=statement(FILE, 0, Condition=ORGANIZATION)) == expected

    def test_removed_value_takes_its_comma_along(self) -> None:
        expected = FILE.replace('{"AWS": ["*", "111122223333"]}', '{"AWS": ["111122223333"]}')
        assert changed(FILE, s0=statement(FILE, 0, Principal={"AWS": ["111122223333"]})) == expected

    def test_element_in_the_place_of_another_one_stays_on_its_line(self) -> None:
        new = statement(FILE, 0, NotPrincipal={"AWS": "111122223333"})
        del new["Principal"]
        order = {name: new[name] for name in ("Sid", "Effect", "NotPrincipal", "Action")}
        expected = FILE.replace(
            '"Principal" : {"AWS": ["*", "111122223333"]},',
            '"NotPrincipal" : {"AWS" : "111122223333"},',
        )
        assert changed(FILE, s0=order) == expected

    def test_value_that_becomes_a_list_stays_on_its_line(self) -> None:
        new = statement(FILE, 2, Principal={"AWS": ["444455556666", "111122223333"]})
        assert changed(FILE, s2=new) == FILE.replace('"444455556666"', '["444455556666", "111122223333"]')

    def test_statement_of_one_line_stays_on_one_line(self) -> None:
        text = '{"Statement": [\n  {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}\n]}\n'
        expected = text.replace('"ecr:*"}', f'"ecr:*", "Condition": {json.dumps(ORGANIZATION)}}}')
        assert changed(text, s0=statement(text, 0, Condition=ORGANIZATION)) == expected

    def test_change_behind_a_removed_statement_is_found_by_the_sid(self) -> None:
        text = '{"Statement": [{"Sid": "A", "Action": "ecr:*"}, { "Sid":  "B",  "Action":"ecr:*" }]}'
        expected = '{"Statement": [{ "Sid":  "B",  "Action":"ecr:PutImage" }]}'
        assert changed(text, s0=None, s1=statement(text, 1, Action="ecr:PutImage")) == expected

    def test_order_of_keys_is_no_change(self) -> None:
        text = '{"Statement": [{"Sid":"A",  "Action": "ecr:*"}, {"Sid": "B"}]}'
        assert changed(text, s0={"Action": "ecr:*", "Sid": "A"}, s1=None) == text.replace(', {"Sid": "B"}', "")


class TestAddedStatement:
    """A statement that is split off stands behind its own."""

    def test_new_statement_is_written_in_the_indentation_of_the_file(self) -> None:
        new = {"Sid": "EveryoneOrganization", "Effect": "Allow", "Principal": "*", "Condition": ORGANIZATION}
        added = """\
        {
            "Sid" : "EveryoneOrganization",
            "Effect" : "Allow",
            "Principal" : "*",
            "Condition" : {
                "StringEquals" : {"aws:PrincipalOrgID" : "o-1234567890"}
            }
        },
"""
        assert changed(FILE, s0=[statement(FILE, 0), new]) == FILE.replace(DENY, added + DENY)

    def test_statement_added_at_the_end_gets_the_comma_before(self) -> None:
        text = pretty({"Statement": [{"Sid": "A"}]})
        assert changed(text, s0=[{"Sid": "A"}, {"Sid": "B"}]) == pretty({"Statement": [{"Sid": "A"}, {"Sid": "B"}]})

    def test_single_object_becomes_a_list_and_keeps_its_text(self) -> None:
        text = '{\n\t"Statement": {\n\t\t"Sid":\t"A"\n\t}\n}'
        expected = '{\n\t"Statement": [{\n\t\t"Sid":\t"A"\n\t}, {\n\t\t"Sid": "B"\n\t}]\n}'
        assert changed(text, s0=[{"Sid": "A"}, {"Sid": "B"}]) == expected

    def test_single_object_stays_an_object(self) -> None:
        text = '{"Statement":{"Sid":"A"}}'
        assert changed(text, s0={"Sid": "A", "Effect": "Deny"}) == '{"Statement":{"Sid":"A","Effect":"Deny"}}'

    def test_duplicate_statements_keep_their_texts(self) -> None:
        text = '{"Statement": [{"Sid": "A"},  {"Sid":"A"}, { "Sid": "A" }]}'
        new = [{"Sid": "A"}, {"Sid": "B"}]
        assert changed(text, s0=new) == text.replace('{"Sid": "A"},', '{"Sid": "A"},  {"Sid": "B"},', 1)

    def test_empty_list_gets_its_first_statement(self) -> None:
        text = '{\n  "Version": "2012-10-17",\n  "Statement": []\n}\n'
        result = with_statements_replaced(text, {"Version": "2012-10-17", "Statement": [{"Sid": "A"}]})
        assert result == pretty({"Version": "2012-10-17", "Statement": [{"Sid": "A"}]})


class TestRemovedStatement:
    """The comma goes along, and the others stay where they are."""

    @pytest.mark.parametrize(
        ("index", "expected"), [(0, '[ {"b": 2},\t3]'), (1, '[ {"a":1},\t3]'), (2, '[ {"a":1}, {"b": 2}]')]
    )
    def test_statement_of_a_line_is_removed(self, index: int, expected: str) -> None:
        text = '{"Statement": [ {"a":1}, {"b": 2},\t3]}'
        assert changed(text, **{f"s{index}": None}) == f'{{"Statement": {expected}}}'

    def test_statement_of_several_lines_is_removed(self) -> None:
        assert changed(FILE, s1=None) == FILE.replace(f"{DENY},\n\n        {{", "        {").replace(
            '        },\n        {\n            "Effect"', '        },\n\n        {\n            "Effect"'
        )

    def test_last_statement_leaves_an_empty_list(self) -> None:
        assert changed('{"Statement": [ {"a":1} ]}', s0=None) == '{"Statement": []}'


class TestWholeText:
    """Byte order mark, line ends, characters; and texts that cannot be kept."""

    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("end", ["", "\n", "\n\n"])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_mark_line_ends_and_the_end_of_the_file_stay(self, mark: str, end: str, line_end: str) -> None:
        text = mark + FILE.strip().replace("\n", line_end) + end
        policy = json.loads(FILE)
        policy["Statement"][0]["Condition"] = ORGANIZATION
        result = with_statements_replaced(text, policy)
        assert result.startswith(mark + "{")
        assert result.endswith(f"]{line_end}}}{end}")
        assert "\n" not in result.removesuffix(end).replace(line_end, "")

    def test_equal_content_returns_the_same_text(self) -> None:
        assert with_statements_replaced(FILE, json.loads(FILE)) == FILE

    def test_true_in_the_place_of_1_is_a_change(self) -> None:
        assert (
            with_statements_replaced('{"Statement": [1, 1.0]}', {"Statement": [True, 1]}) == '{"Statement": [true, 1]}'
        )

    @pytest.mark.parametrize(("other", "written"), [("x", "\\u00e9"), ("ü", "é")])
    def test_new_text_is_in_ascii_if_the_file_is(self, other: str, written: str) -> None:
        text = f'{{"Id": "{other}", "Statement": []}}'
        assert written in with_statements_replaced(text, {"Id": other, "Statement": [{"Sid": "é"}]})

    def test_new_text_has_no_characters_that_control_a_terminal(self) -> None:
        text = '{"Id": "ü", "Statement": ["\x9b", 1]}'
        assert with_statements_replaced(text, {"Id": "ü", "Statement": ["\x9b", "\x9b\u202e\ud800"]}) == (
            '{"Id": "ü", "Statement": ["\x9b", "\\u009b\\u202e\\ud800"]}'
        )

    @pytest.mark.parametrize(
        "text", ["%7B%22Statement%22%3A%5B%5D%7D", "", "{", '{"a": 1, "a": 2}', "[]", '"x"', "{} x"]
    )
    def test_other_text_is_written_whole(self, text: str) -> None:
        policy = {"Statement": [{"Sid": "A"}], "a": [2, 2]}
        assert json.loads(with_statements_replaced(text, policy)) == policy

    def test_percent_encoded_text_is_written_on_lines(self) -> None:
        assert with_statements_replaced("%7B%7D\r\n", {"a": 1}) == '{\r\n  "a": 1\r\n}\r\n'


NAMES: Final = st.sampled_from(["Sid", "Effect", "Principal", "AWS", "Condition", 'a"b', "ключ", "\ud800", ""])
SCALARS: Final = (
    st.sampled_from(["*", "ecr:*", "111122223333", "${aws:username}", "é", "\u2028", "{}[],:"])
    | st.text(max_size=4)
    | st.integers(-99, 99)
    | st.sampled_from([True, False, None, 1.5, 1e30])
)
VALUES: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
STATEMENTS: Final = st.dictionaries(NAMES, VALUES, max_size=4)
CONTENTS: Final = st.lists(STATEMENTS, max_size=4) | STATEMENTS
BLANKS: Final = st.text(st.sampled_from(" \t\n"), max_size=3) | st.sampled_from(["\r\n", "\n    ", "\n\t"])


@st.composite
def json_texts(draw: st.DrawFn, value: Any) -> str:
    """Return a JSON text of a value, with any blanks."""
    blank = draw(BLANKS)
    if isinstance(value, dict):
        members = [
            f"{draw(BLANKS)}{json.dumps(key)}{draw(BLANKS)}:{draw(BLANKS)}{draw(json_texts(inner))}{draw(BLANKS)}"
            for key, inner in value.items()
        ]
        return f"{{{','.join(members) or blank}}}"
    if isinstance(value, list):
        elements = [f"{draw(BLANKS)}{draw(json_texts(inner))}{draw(BLANKS)}" for inner in value]
        return f"[{','.join(elements) or blank}]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def exact(value: Any) -> str:
    """Return a text that differs for 1, 1.0 and true."""
    return json.dumps(value, sort_keys=True)


class TestEveryText:
    """Whatever the policy and its blanks are."""

    @given(data=st.data(), before=CONTENTS, after=CONTENTS)
    def test_result_has_the_corrected_content(self, data: st.DataObject, before: Any, after: Any) -> None:
        text = data.draw(json_texts({"Version": "2012-10-17", "Statement": before}))
        corrected = {"Version": "2012-10-17", "Statement": after}
        assert exact(json.loads(with_statements_replaced(text, corrected))) == exact(corrected)

    @given(data=st.data(), before=st.lists(STATEMENTS, min_size=1, max_size=4))
    def test_unchanged_statements_keep_their_text(self, data: st.DataObject, before: list[Any]) -> None:
        """One statement is removed, changed, or split into two."""
        texts = [data.draw(json_texts(each)) for each in before]
        text = f'{{"Statement":[{",".join(texts)}],"Id":  "kept"}}'
        index = data.draw(st.integers(0, len(before) - 1))
        new = {"Sid": "new", "Effect": "Deny"}
        instead: list[Any] = data.draw(st.sampled_from([[], [new], [before[index], new]]))
        corrected = [*before[:index], *instead, *before[index + 1 :]]
        result = with_statements_replaced(text, {"Statement": corrected, "Id": "kept"})
        assert exact(json.loads(result)["Statement"]) == exact(corrected)
        assert result.endswith(',"Id":  "kept"}')
        others = [each for at, each in enumerate(texts) if exact(before[at]) != exact(before[index])]
        assert all(each in result for each in others)

    @given(data=st.data(), before=CONTENTS, after=CONTENTS)
    def test_writing_again_changes_nothing(self, data: st.DataObject, before: Any, after: Any) -> None:
        once = with_statements_replaced(data.draw(json_texts({"Statement": before})), {"Statement": after})
        assert with_statements_replaced(once, {"Statement": after}) == once


def test_text_of_every_closed_case_of_the_corpus_is_the_corrected_policy() -> None:
    closed = 0
    for case in every(10, all_cases()):
        text = case.configuration.get("RepositoryPolicyText") if isinstance(case.configuration, dict) else None
        if isinstance(text, str):
            with suppress(RemedyError):
                policy = remedy(text, mode="scope-to-accounts", accounts=["111122223333"]).policy or {}
                assert exact(json.loads(with_statements_replaced(text, policy))) == exact(policy), case.name
                closed += 1
    assert closed >= 20


class TestForms:
    """The two forms of a policy that was no text."""

    def test_pretty_is_indented_by_two_blanks_in_ascii(self) -> None:
        assert pretty({"Statement": [{"Sid": "é\x9b"}]}) == (
            '{\n  "Statement": [\n    {\n      "Sid": "\\u00e9\\u009b"\n    }\n  ]\n}\n'
        )

    def test_compact_has_no_blanks_and_escapes_only_what_is_unsafe(self) -> None:
        assert compact({"a": [1, "é\ud800"]}) == '{"a":[1,"é\\ud800"]}'


class TestDiff:
    """As patch and git read it."""

    def test_equal_texts_have_no_difference(self) -> None:
        assert unified_diff(FILE, FILE, "policy.json") == ""

    @pytest.mark.parametrize("name", ["policy.json", "team/my policy.json", 'a"b\\c.json', "\u00fcber.json"])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    @pytest.mark.parametrize("ends", [("", ""), ("\n", "\n"), ("", "\n"), ("\n", "")])
    @pytest.mark.parametrize("tool", ["git", "patch"])
    def test_file_is_patched(self, tool: str, ends: tuple[str, str], line_end: str, name: str, tmp_path: Path) -> None:
        text = "\ufeff" + FILE.strip().replace("\n", line_end) + ends[0]
        after = text.removesuffix(ends[0]).replace('"*", "1', '"\u2028\x0b1') + ends[1]
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
        apply(tool, unified_diff(text, after, name), tmp_path)
        assert file.read_bytes().decode() == after

    def test_absolute_path_is_patched_from_the_root(self) -> None:
        assert unified_diff("a\n", "b\n", "/srv/x") == "--- a/srv/x\n+++ b/srv/x\n@@ -1 +1 @@\n-a\n+b\n"


def apply(tool: str, diff: str, folder: Path) -> None:
    """Apply a diff in a folder."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    arguments = ["apply", "--whitespace=nowarn"] if tool == "git" else ["-p1", "--binary", "--fuzz=0"]
    subprocess.run([path, *arguments], cwd=folder, input=diff.encode(), check=True, capture_output=True)  # noqa: S603 - the program that was found
