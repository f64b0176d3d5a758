"""The documents of a YAML stream: text as written, places, types, duplicate keys, aliases and merge keys."""

from textwrap import dedent
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.policies_in_templates.template_nodes import JsonText, Member, Node
from ecr_exposure.cli.policies_in_templates.yaml_nodes import yaml_documents


def document(text: str) -> Node:
    """Return the only document of a text."""
    (found,) = yaml_documents("app.yaml", dedent(text))
    return found


def plain(node: Node) -> Any:
    """Return a node as Python values; an object as pairs, in which a key can be duplicate."""
    content = node.content
    if isinstance(content, tuple):
        return tuple((each.key, plain(each.value)) for each in content)
    return [plain(each) for each in content] if isinstance(content, list) else content


def members(node: Node) -> tuple[Member, ...]:
    """Return the members of an object."""
    assert isinstance(node.content, tuple)
    return node.content


def value_of(scalar: str) -> Any:
    """Return the value of a scalar as it is written."""
    return plain(document(f"- {scalar}\n"))[0]


class TestScalars:
    """Their types, by https://yaml.org/type/, as far as a policy has them; the rest is text as it is written."""

    @pytest.mark.parametrize("text", ["2012-10-17", "000011112222", "0o17", "1_000", "1e3", "12:30:45", "=", "3.0"])
    def test_text_that_a_load_would_change_stays_as_written(self, text: str) -> None:
        assert value_of(text) == text

    @pytest.mark.parametrize(("text", "value"), [("111122223333", 111122223333), ("0", 0), ("-5", -5)])
    def test_plain_integer_is_a_number(self, text: str, value: int) -> None:
        assert value_of(text) == value

    @pytest.mark.parametrize("text", ["true", "True", "TRUE", "yes", "on"])
    def test_plain_word_for_true_is_true(self, text: str) -> None:
        assert value_of(text) is True

    @pytest.mark.parametrize("text", ["false", "No", "OFF"])
    def test_plain_word_for_false_is_false(self, text: str) -> None:
        assert value_of(text) is False

    @pytest.mark.parametrize("text", ["~", "null", "", "!!null ''"])
    def test_null_is_none(self, text: str) -> None:
        assert value_of(text) is None

    @pytest.mark.parametrize("text", ["'true'", '"true"', "!!str true"])
    def test_quoted_word_is_text(self, text: str) -> None:
        assert value_of(text) == "true"

    @pytest.mark.parametrize("text", ["'12'", '"12"', "!!str 12"])
    def test_quoted_number_is_text(self, text: str) -> None:
        assert value_of(text) == "12"

    def test_tag_of_an_own_function_is_kept_beside_the_text(self) -> None:
        node = document("!Sub 12")
        assert (node.tag, node.text, node.without_tag().tag) == ("!Sub", "12", "")


class TestPlaces:
    """Lines and columns from 1; the end is behind the last character."""

    def test_scalar_ends_before_its_comment(self) -> None:
        node = document("A: value # comment\n").member("A")
        assert node is not None
        assert node.span == Span(1, 4, 1, 9)

    def test_block_ends_at_its_last_value_before_blank_lines_and_comments(self) -> None:
        root = document("A:\n  B:\n  - c  # c\n\n  # comment\n\nD: 1\n")
        a, _ = members(root)
        assert a.span == Span(1, 1, 3, 6)

    def test_block_that_ends_with_a_null_ends_behind_its_key(self) -> None:
        root = document("A:\n  B: 1\n  C:\n\n# comment\nD: 1\n")
        a, _ = members(root)
        assert a.span == Span(1, 1, 3, 5)

    def test_block_that_ends_with_an_alias_ends_in_its_line(self) -> None:
        root = document("X: &x 1\nA:\n  b: 1\n  c: *x\n\n  # comment\nD: 1\n")
        assert members(root)[1].span == Span(2, 1, 4, 8)

    def test_column_counts_characters_and_not_bytes(self) -> None:
        node = document("{Größe🐳: x}\n").member("Größe🐳")
        assert node is not None
        assert node.span == Span(1, 10, 1, 11)

    def test_windows_line_ends_change_no_place(self) -> None:
        text = "A:\r\n  - b\r\n\r\nC: |\r\n  x\r\n  y\r\n"
        (root,) = yaml_documents("app.yaml", text)
        a, c = members(root)
        assert (a.span, c.span, c.value.content) == (Span(1, 1, 2, 6), Span(4, 1, 6, 4), "x\ny\n")

    def test_value_that_is_an_alias_has_the_place_of_its_key(self) -> None:
        root = document("A: &a\n  b: 1\nC: *a\n")
        _, c = members(root)
        assert (c.span, c.value.span) == (Span(3, 1, 3, 2), Span(1, 4, 2, 7))

    @pytest.mark.parametrize("header", ["|", "|-", "|+", "!Sub |", "|2", "!Sub |-"])
    def test_lines_of_a_literal_block_are_lines_of_the_file(self, header: str) -> None:
        node = document(f'A: {header}\n  {{\n\n    "b": 1\n  }}\nC: 1\n').member("A")
        block = node.json_in_lines if node is not None else None
        assert block is not None
        b = block.root().member("b")
        assert b is not None
        assert b.span == Span(4, 10, 4, 11)

    @pytest.mark.parametrize("value", [">\n  {}\n", "'{}'\n", "{}\n"])
    def test_other_text_has_no_lines_of_its_own(self, value: str) -> None:
        node = document(f"A: {value}").member("A")
        assert node is not None
        assert node.json_in_lines is None


class TestKeys:
    """Duplicate keys, and keys that are merged."""

    def test_duplicate_key_is_visible(self) -> None:
        assert plain(document("{a: 1, a: 2}")) == (("a", 1), ("a", 2))

    def test_own_key_has_precedence_over_a_merged_one(self) -> None:
        merged = document("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n").member("b")
        assert merged is not None
        assert dict(plain(merged)) == {"x": 1, "y": 3}

    def test_earlier_one_of_two_merged_mappings_has_precedence(self) -> None:
        merged = document("- &a {x: 1}\n- &b {x: 2, z: 3}\n- {<<: [*a, *b]}\n").content[2]  # type: ignore[index] # a list
        assert dict(plain(merged)) == {"x": 1, "z": 3}  # type: ignore[arg-type] # a node

    def test_quoted_merge_key_is_a_key(self) -> None:
        assert plain(document("{'<<': 1}")) == (("<<", 1),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{<<: 1}", "<< merges neither a mapping nor a list of mappings"),
            ("&a {<<: *a}", "a mapping that merges itself"),
            ("{[a]: 1}", "a key that is not a string"),
        ],
    )
    def test_key_that_is_none_is_an_error_with_its_line(self, text: str, message: str) -> None:
        node = document(f"\n{text}\n")
        with pytest.raises(NotReadError, match=rf"app.yaml:2: .*{message}"):
            node.content  # noqa: B018 - reads it


class TestStreams:
    """Documents, and texts that are no YAML."""

    def test_every_document_is_read_and_empty_ones_are_null(self) -> None:
        assert [plain(each) for each in yaml_documents("a", "---\nA: 1\n---\n---\nB: 2\n...\n")] == [
            (("A", 1),),
            None,
            (("B", 2),),
        ]

    def test_empty_text_has_no_document(self) -> None:
        assert list(yaml_documents("a", "# nothing\n")) == []

    def test_syntax_error_comes_after_the_documents_before_it(self) -> None:
        documents = yaml_documents("app.yaml", "A: 1\n---\nA: [\n")
        assert plain(next(documents)) == (("A", 1),)
        with pytest.raises(NotReadError, match=r"^app.yaml:4: not YAML: "):
            next(documents)

    @pytest.mark.parametrize("text", ["A:\n\tB: 1\n", "A: 'x\n", "A: *unknown\n", "A: 1\n B: 2\n", "A: \x01\n"])
    def test_syntax_error_names_file_and_line(self, text: str) -> None:
        with pytest.raises(NotReadError, match=r"^app.yaml:\d+: not YAML: [^\n]*\Z"):
            list(yaml_documents("app.yaml", text))

    def test_nesting_of_thousands_is_an_error(self) -> None:
        with pytest.raises(NotReadError, match="nest"):
            list(yaml_documents("app.yaml", "[" * 5000))


class TestJson:
    """A JSON text gives the same nodes."""

    def test_values_and_places_of_json_are_those_of_the_text(self) -> None:
        root = JsonText('{"a": [1, "\\ud83d\\udc33", null],\n "a": {"b": true, "n": 1.50}}\n').root()
        assert plain(root) == (("a", [1, "🐳", None]), ("a", (("b", True), ("n", 1.5))))
        first, second = members(root)
        assert (first.span, second.span) == (Span(1, 2, 1, 32), Span(2, 2, 2, 29))
        n = second.value.member("n")
        assert n is not None
        assert n.text == "1.50"

    @pytest.mark.parametrize("text", ['{"a":\n}', '{"a": 1}\nx', "[" * 100_000])
    def test_text_that_is_no_json_is_an_error(self, text: str) -> None:
        with pytest.raises(NotReadError, match=r"^t.json(:2)?: not JSON"):
            JsonText(text, file="t.json").root()

    def test_number_that_is_none_is_an_error_with_its_line(self) -> None:
        node = JsonText('{\n"a": NaN}', file="t.json").root().member("a")
        assert node is not None
        with pytest.raises(NotReadError, match=r"^t.json:2: NaN is not a JSON value"):
            node.content  # noqa: B018 - reads it
