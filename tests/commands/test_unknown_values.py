"""Values that a file does not say: texts with unknown parts, and policies that are such a text."""

import pytest

from ecr_exposure.cli.found_policies.unknown_values import (
    Joined,
    Unknown,
    joined,
    parts_of,
    read_policy_text,
    references_in,
)
from ecr_exposure.errors import PolicyError

A, B = Unknown("!Ref A"), Unknown("var.b")


class TestJoined:
    """The parts of a text."""

    @pytest.mark.parametrize(
        ("parts", "value"),
        [
            ((), ""),
            (("",), ""),
            (("a", "", "b"), "ab"),
            ((A,), A),
            (("", A, ""), A),
            (("a", "b", A, "c", "d"), Joined(("ab", A, "cd"))),
            ((A, B), Joined((A, B))),
            ((A, "", A), Joined((A, A))),
        ],
    )
    def test_known_parts_are_one_string_and_one_unknown_part_alone_is_itself(
        self, parts: tuple[str | Unknown, ...], value: object
    ) -> None:
        assert joined(parts) == value

    @pytest.mark.parametrize(("value", "parts"), [("a", ("a",)), (A, (A,)), (Joined(("a", A)), ("a", A))])
    def test_parts_of_a_text(self, value: str | Unknown | Joined, parts: tuple[str | Unknown, ...]) -> None:
        assert parts_of(value) == parts


class TestReferences:
    """Which values of a tree are unknown."""

    def test_all_are_found_in_their_order_and_with_repetitions(self) -> None:
        tree = {"a": [A, {"b": Joined(("x", B, A))}], "c": "text", "d": None, "e": A, "f": [[B]]}
        assert list(references_in(tree)) == ["!Ref A", "var.b", "!Ref A", "!Ref A", "var.b"]

    @pytest.mark.parametrize("tree", ["text", None, 1, [], {}, {"a": ["b"]}])
    def test_known_tree_has_none(self, tree: object) -> None:
        assert list(references_in(tree)) == []


class TestPolicyText:
    """A policy that is JSON text."""

    def test_known_text_is_read(self) -> None:
        assert read_policy_text('{"Statement": []}') == {"Statement": []}
        assert read_policy_text("%7B%22Statement%22%3A%5B%5D%7D") == {"Statement": []}

    @pytest.mark.parametrize("text", ["", " \n"])
    def test_blank_text_is_no_policy(self, text: str) -> None:
        assert read_policy_text(text) is None

    def test_unknown_text_is_an_unknown_policy(self) -> None:
        assert read_policy_text(A) == A

    def test_text_that_is_a_json_string_is_no_policy(self) -> None:
        text = '"{\\"Statement\\": []}"'
        assert read_policy_text(text) == text

    def test_unknown_part_in_a_string_is_a_part_of_it(self) -> None:
        text = joined(('{"Sid": "app ', A, '", "AWS": ["arn:aws:iam::', B, ':root", "*"]}'))
        assert read_policy_text(text) == {
            "Sid": Joined(("app ", A)),
            "AWS": [Joined(("arn:aws:iam::", B, ":root")), "*"],
        }

    def test_unknown_part_that_is_a_string_is_unknown(self) -> None:
        assert read_policy_text(joined(('{"AWS": "', A, '"}'))) == {"AWS": A}

    def test_unknown_part_outside_a_string_is_a_value(self) -> None:
        text = joined(('{"AWS": ', A, ', "Action": ["ecr:*", ', B, "]}"))
        assert read_policy_text(text) == {"AWS": A, "Action": ["ecr:*", B]}

    @pytest.mark.parametrize("sid", ['a \\"', "a \\\\", 'a \\\\\\"', "a \\u0022", "{ [ :"])
    def test_escape_before_an_unknown_part_does_not_end_the_string(self, sid: str) -> None:
        (value,) = read_policy_text(joined((f'["{sid}', A, ' b"]')))
        assert isinstance(value, Joined)
        assert value.parts[1:] == (A, " b")

    def test_more_than_nine_unknown_parts_keep_their_order(self) -> None:
        unknown = [Unknown(str(number)) for number in range(12)]
        parts = [part for each in unknown for part in (each, ",")][:-1]
        assert read_policy_text(joined(["[", *parts, "]"])) == unknown

    @pytest.mark.parametrize("parts", [("{", A), ('{"a": ', A), ('["', A), ("[1 ", A, "]"), (A, "{}")])
    def test_text_that_is_not_json_is_an_error(self, parts: tuple[str | Unknown, ...]) -> None:
        with pytest.raises(PolicyError, match="not JSON"):
            read_policy_text(joined(parts))

    @pytest.mark.parametrize("key", [(A,), ("ecr:ResourceTag/", A), (A, ":sub"), (A, B)])
    def test_object_with_an_unknown_name_is_unknown(self, key: tuple[str | Unknown, ...]) -> None:
        """The member could be any condition key, so that its value says nothing."""
        text = joined(('{"StringEquals": {"a": "b", "', *key, '": "x"}, "Null": {}}'))
        assert read_policy_text(text) == {"StringEquals": A, "Null": {}}

    @pytest.mark.parametrize("odd", ["\ue100", "\ue101", "\ue100x\ue101", "\ue1007\ue101", "\ue1000", "\\ue100"])
    def test_private_character_in_a_text_stays(self, odd: str) -> None:
        assert read_policy_text(joined((f'["{odd}", ', A, "]"))) == [odd.replace("\\ue100", "\ue100"), A]
