"""The reader of HCL: no block is lost, whatever is written between its braces, and every place is exact."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure.cli.found_policies.found_policy import NotReadError, Span
from ecr_exposure.cli.hcl.hcl_reader import Block, read_assignments, read_hcl
from tests.commands.terraform_code import policy_with, read_code

AFTER = '\nresource "aws_ecr_repository_policy" "after" {\n  policy = "x"\n}\n'


def blocks_of(text: str, file: str = "main.tf") -> tuple[Block, ...]:
    """Read one file."""
    return read_hcl(file, text)


def written(block: Block, name: str) -> str:
    """Return the expression of an attribute as it is written."""
    attribute = block.attributes[name]
    return attribute.source.text[attribute.value_start : attribute.end]


class TestBlocks:
    """Blocks, labels and attributes."""

    def test_labels_may_have_quotes_or_not(self) -> None:
        (block,) = blocks_of('resource "aws_ecr_repository" app {}')
        assert (block.kind, block.labels) == ("resource", ("aws_ecr_repository", "app"))

    def test_attributes_and_nested_blocks_of_one_block(self) -> None:
        (block,) = blocks_of('a "b" {\n  x = 1\n  c {\n    y = [1,\n 2]\n  }\n  c { z = 3 }\n}\n')
        assert written(block, "x") == "1"
        first, second = block.blocks_of("c")
        assert (written(first, "y"), written(second, "z")) == ("[1,\n 2]", "3")

    def test_the_span_is_from_the_type_to_the_brace(self) -> None:
        (block,) = blocks_of("\n\n  locals {\n    a = 1\n  }\n")
        assert (block.span, block.header) == (Span(3, 3, 5, 4), Span(3, 3, 3, 11))
        assert block.attributes["a"].span == Span(4, 5, 4, 10)

    def test_byte_order_mark_and_carriage_returns_are_blanks(self) -> None:
        (block,) = blocks_of('\ufefflocals {\r\n  a = "b"\r\n  c = 1 # d\r\n}\r\n')
        assert (written(block, "a"), written(block, "c")) == ('"b"', "1")
        assert block.attributes["c"].span == Span(3, 3, 3, 8)

    def test_a_file_of_assignments(self) -> None:
        found = read_assignments("terraform.tfvars", 'a = ["x"]\n# c\nb = {\n  c = 1\n}\n')
        assert list(found) == ["a", "b"]

    def test_a_file_of_assignments_in_json(self) -> None:
        assert list(read_assignments("terraform.tfvars.json", '{"a": ["x"], "b": 1}')) == ["a", "b"]


# Each is the content of a resource, after which another resource must be found.
ODD = {
    "empty heredoc": "  policy = <<EOT\nEOT\n",
    "blanks after an end marker": "  policy = <<EOT\n{}\nEOT  \t\n",
    "indented end marker": "  policy = <<-EOT\n    {}\n    EOT\n",
    "carriage returns in a heredoc": "  policy = <<EOT\r\n{}\r\nEOT\r\n",
    "marker in the text of a heredoc": "  policy = <<EOT\nEOT is a marker, and EOTX\n EOT x\nEOT\n",
    "braces in a heredoc": '  policy = <<EOT\n}} " {{{ # " /*\nEOT\n',
    "resource in a heredoc": '  policy = <<EOT\nresource "a" "b" {\nEOT\n',
    "resource in a comment": '  /*\nresource "a" "b" {\n*/\n# resource "a" "b" {\n',
    "two heredocs in one call": "  policy = concat(<<A\nx\nA\n, <<B\ny\nB\n)\n",
    "interpolation in a heredoc": '  policy = <<EOT\n${jsonencode({ a = "}" })}\n%{ if true }x%{ endif }\nEOT\n',
    "escaped interpolation": '  policy = "$${ aws:x %%{"\n',
    "string in an interpolation in a string": '  policy = "${lookup(x, "a}")} ${"${"b"}"}"\n',
    "escaped quote": '  policy = "a \\" } \\\\"\n',
    "comment marks in a string": '  policy = "http://x # /*"\n',
    "comment between attributes": "  // a }\n  /* { */ policy = 1 # {\n",
    "comment in a list": '  policy = [ # "\n 1, /* ] */ 2 // ]\n ]\n',
    "conditional over lines": "  policy = (\n a\n ? b\n : c\n )\n",
    "unknown construct": "  policy = @@ ~ {\n } $$ 'x' [\n ]\n",
    "unknown construct in an object": "  policy = { a = 'b c' d, e = f g\n h = 1 }\n",
    "provider function": "  policy = provider::aws::arn_parse(x)\n",
    "one line": '  dynamic "x" { for_each = [] }\n',
    "heredoc without a line end after it": "  policy = <<E\nE\n",
    "template of one brace": '  policy = "{"\n  x = "}"\n',
}


class TestOddCode:
    """Nothing in a resource hides what comes after it."""

    @pytest.mark.parametrize("content", ODD.values(), ids=ODD)
    def test_the_next_resource_is_read(self, content: str) -> None:
        blocks = blocks_of(f'resource "aws_ecr_repository_policy" "odd" {{\n{content}}}\n{AFTER}')
        assert [block.labels[1] for block in blocks] == ["odd", "after"]
        assert written(blocks[1], "policy") == '"x"'

    def test_an_unknown_construct_is_unknown_with_its_text(self) -> None:
        read = read_code(policy_with("{ AWS = some~thing [ 1 ] }"))
        assert read.verdicts == {"aws_ecr_repository_policy.this": "some~thing [ 1 ]"}

    def test_the_elements_beside_an_unknown_construct_are_read(self) -> None:
        read = read_code(policy_with('{ AWS = ["*", some~thing] }'))
        assert read.verdicts == {"aws_ecr_repository_policy.this": "public"}

    def test_a_resource_that_the_reader_would_lose_is_an_error(self) -> None:
        text = f"locals {{\n  a = {{\n{AFTER}\n}}\n}}\n"
        with pytest.raises(NotReadError, match="1 resource headers, but 0 resource blocks"):
            blocks_of(text)


class TestNoHcl:
    """An error names file, line and what is missing."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('locals {\n  a = "b\n}\n', 'main.tf:2: not HCL: the string has no end: " is missing on this line'),
            ("locals {\n  a = <<EOT\n}\n", "main.tf:2: not HCL: the heredoc has no end: a line EOT is missing"),
            ("\n/* a", "main.tf:2: not HCL: the comment has no end: */ is missing"),
            ('a = "${b"\n', 'main.tf:1: not HCL: the string has no end: " is missing on this line'),
            ("locals {\n  a = (1\n", "main.tf:2: not HCL: a bracket is not closed"),
            ("locals {\n", "main.tf:2: not HCL: 'the end of the file' is not a block or attribute"),
            ("locals a b\n", "main.tf:1: not HCL: 'locals' is followed by neither = nor a block"),
            ("}\n", "main.tf:1: not HCL: '}' is not a block or attribute"),
        ],
    )
    def test_the_message_names_the_line(self, text: str, message: str) -> None:
        with pytest.raises(NotReadError, match=f"^{re.escape(message)}$"):
            blocks_of(text)

    def test_json_that_is_broken_names_the_line(self) -> None:
        with pytest.raises(NotReadError, match=r"^main\.tf\.json:3: not JSON"):
            blocks_of('{\n  "a": 1,\n  "b" 2\n}', "main.tf.json")

    def test_json_that_is_no_object(self) -> None:
        with pytest.raises(NotReadError, match=r"^main\.tf\.json:1: not a JSON object"):
            blocks_of("[]", "main.tf.json")

    @pytest.mark.parametrize("text", ["a {" * 2000, "a = " + "[" * 5000, 'a = "' + '${"' * 3000, "a=(" * 4000])
    def test_deep_nesting_is_an_error_and_no_crash(self, text: str) -> None:
        with pytest.raises(NotReadError):
            blocks_of(text)

    def test_a_deep_expression_is_unknown(self) -> None:
        read = read_code(policy_with("(" * 300 + "1" + ")" * 300))
        assert read.verdicts["aws_ecr_repository_policy.this"].startswith("((((")


PIECES = st.sampled_from(
    [
        *('"', "${", "%{", "}", "{", "[", "]", "(", ")", "\n", "<<EOT\n", "EOT", "\nEOT\n", "<<-A\n", "#", "/*", "*/"),
        *(
            "a",
            "b = ",
            "for x in ",
            "? ",
            ": ",
            "...",
            ".",
            "*",
            "=>",
            "$${",
            "\\",
            "~",
            ",",
            "if",
            "endif",
            "1.5",
            "0",
        ),
        *('resource "aws_ecr_repository_policy" "x" {\n', "policy = ", "jsonencode(", "data.", "var.a", "local.a", "é"),
        *("locals {\n", "a = local.a\n", "}\n", '"*"', "Statement = [", "try(", "\r\n", "\ufeff", "!", "-", "&&", "=="),
    ]
)


class TestArbitraryText:
    """Whatever the text is, the reader returns or says what is wrong."""

    @given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
    def test_the_file_is_read_or_refused(self, text: str) -> None:
        for file in ("main.tf", "main.tf.json"):
            try:
                blocks = blocks_of(text, file)
            except NotReadError:
                continue
            for block in blocks:
                assert block.span.line >= 1

    @given(st.lists(PIECES, max_size=40).map("".join))
    def test_a_policy_is_read_or_refused(self, expression: str) -> None:
        read = read_code(f"locals {{\n  a = {expression}\n}}\n{policy_with(expression)}")
        assert read.policies or read.problems
