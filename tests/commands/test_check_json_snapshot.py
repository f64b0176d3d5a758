"""Snapshots and history files of AWS Config, as ``check`` reads them from a stream, compressed or not."""

import gzip
import io
import json
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.policies_in_json.config_snapshot import is_config_file, read_config_snapshot
from ecr_exposure.cli.policies_in_json.json_documents import UnknownFormError
from tests.commands.test_check_json_config import ARN, configuration, item
from tests.commands.test_check_json_policies import POLICY, Told

MEBIBYTE = 2**20


def snapshot(*items: object, **other: Any) -> bytes:
    """Return a snapshot as AWS Config delivers it."""
    return json.dumps({"fileVersion": "1.0", "configSnapshotId": "id", "configurationItems": items, **other}).encode()


def history(*items: object) -> bytes:
    """Return a history file as AWS Config delivers it."""
    return json.dumps({"fileVersion": "1.0", "configurationItems": items}).encode()


def read_bytes(content: bytes) -> tuple[list[FoundPolicy], Told]:
    """Read a file."""
    told = Told()
    return list(read_config_snapshot("s.json", io.BytesIO(content), told.facts)), told


def read_whole(content: bytes) -> list[FoundPolicy]:
    """Read a file in which everything can be read."""
    found, told = read_bytes(content)
    assert (told.problems, told.notes) == ([], [])
    return found


class TestRecognition:
    """The first bytes say what a file is."""

    @pytest.mark.parametrize("content", [snapshot(), history(), snapshot(item())])
    def test_snapshot_and_history_are_known_compressed_or_not(self, content: bytes) -> None:
        assert is_config_file(content)
        assert is_config_file(gzip.compress(content))
        assert is_config_file(b"\xef\xbb\xbf" + content)

    def test_head_of_a_large_compressed_file_is_enough(self) -> None:
        assert is_config_file(gzip.compress(snapshot(*[item(resourceId=str(each)) for each in range(9999)]))[:4096])

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{}",
            b'[{"configurationItems": []}]',
            b'{"a": {"configurationItems": []}}',
            b'{"a": "configurationItems"}',
            b'{"fileVersion": "1.0", "configurationItems": {"a": 1}}',
            b'{"fileVersion": "1.0", "configurationItems": null}',
            b"\x1f\x8b",
            b"\x1f\x8bno gzip",
            gzip.compress(b"{}", mtime=0),
        ],
    )
    def test_other_files_are_not(self, content: bytes) -> None:
        assert not is_config_file(content)
        with pytest.raises(UnknownFormError, match=r"s\.json: is compressed or large, and is neither a snapshot"):
            read_bytes(content)


class TestSnapshot:
    """One item of each resource."""

    @pytest.mark.parametrize("compressed", [False, True])
    def test_repositories_are_found_among_other_resources(self, *, compressed: bool) -> None:
        items = (item(), item(resourceType="AWS::S3::Bucket"), item(ARN=f"{ARN}2", configuration=configuration()))
        content = snapshot(*items)
        first, second = read_whole(gzip.compress(content) if compressed else content)
        assert (first.address, first.policy, first.repository) == (ARN, POLICY, "team/app")
        assert (first.tags, first.account, first.region) == ({"stage": "test"}, "111122223333", "eu-central-1")
        assert evaluate(second.policy).verdict.annotation == "The repository has no policy."

    def test_several_compressed_parts_are_one_file(self) -> None:
        content = snapshot(item())
        assert len(read_whole(gzip.compress(content[:100]) + gzip.compress(content[100:]))) == 1

    def test_policies_are_yielded_while_the_file_is_read(self) -> None:
        """So memory does not grow with the file."""
        stream = io.BytesIO(snapshot(*[item(ARN=f"{ARN}{each}") for each in range(1000)]))
        next(read_config_snapshot("s.json", stream, Told().facts))
        assert stream.tell() < len(stream.getvalue()) / 2

    def test_duplicate_key_and_huge_number_are_left_to_the_evaluation(self) -> None:
        policy = '{"Statement": [{"Effect": "Allow", "Effect": "Deny"}], "Id": 1%s}' % ("0" * 3000)
        content = snapshot(item(configuration={"Arn": ARN, "RepositoryPolicyText": "HERE"}))
        (found,) = read_whole(content.replace(b'"HERE"', policy.encode()))
        assert evaluate(found.policy).verdict.problem == "Id: a number of more than 40 digits is not a string"
        del found.policy["Id"]
        assert evaluate(found.policy).verdict.problem == 'Statement[0]: duplicate key "Effect"'

    def test_fraction_in_a_policy_is_a_number(self) -> None:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
        condition = {"NumericLessThan": {"aws:MultiFactorAuthAge": 1.5}}
        policy = {"Statement": [{**statement, "Condition": condition}]}
        (found,) = read_whole(snapshot(item(configuration={"Arn": ARN, "RepositoryPolicyText": policy})))
        assert found.policy == policy

    @pytest.mark.parametrize("odd", [None, 1, "text", []])
    def test_item_that_is_no_object_is_told(self, odd: object) -> None:
        found, told = read_bytes(snapshot(odd, item()))
        assert len(found) == 1
        assert told.problems[0].startswith("s.json: configurationItems[0]: ")

    def test_item_with_a_duplicate_key_is_told(self) -> None:
        content = snapshot(item()).replace(b'"resourceId"', b'"resourceId": "other", "resourceId"')
        assert read_bytes(content)[1].problems == ['s.json: configurationItems[0]: duplicate key "resourceId"']


class TestHistoryFile:
    """Several items of a resource: the newest counts."""

    def test_newest_item_counts(self) -> None:
        old = item(configurationItemCaptureTime="2026-11-19T00:00:00.000Z", configuration=configuration())
        (found,) = read_whole(gzip.compress(history(old, item())))
        assert found.policy == POLICY

    def test_deleted_repository_has_no_policy(self) -> None:
        gone = item(configurationItemStatus="ResourceDeleted", configurationItemCaptureTime="2026-11-21T00:00:00.000Z")
        assert read_whole(history(item(), gone)) == []


class TestBrokenFile:
    """What was read counts, and the rest is told."""

    @pytest.mark.parametrize("is_compressed", [False, True])
    def test_file_that_ends_early(self, *, is_compressed: bool) -> None:
        content = snapshot(*[item(ARN=f"{ARN}{each}") for each in range(1000)])
        content = (gzip.compress(content) if is_compressed else content)[:-500]
        found, told = read_bytes(content)
        assert len(found) > 10
        assert len(told.problems) == 1
        assert told.problems[0].startswith("s.json: cannot be read to its end: ")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (snapshot(item())[:-2] + b",]}", "not JSON: parse error"),
            (snapshot(item()) + snapshot(), "not JSON: parse error: trailing garbage"),
            (gzip.compress(snapshot(item()), mtime=0)[:-8] + b"\0" * 8, "CRC check failed"),
            (gzip.compress(snapshot(item()), mtime=0) + b"rest", "Not a gzipped file"),
            (snapshot("HERE").replace(b'"HERE"', b"1e999999999999999999999"), "a number has too large an exponent"),
            (snapshot("HERE").replace(b"HERE", rb"\udc00\ud800"), "'utf-8' codec can't decode byte 0xed"),
            (snapshot("\xff").replace(b"\\u00ff", b"\xff"), "not JSON: lexical error: invalid bytes in UTF8 string"),
        ],
    )
    def test_broken_content(self, content: bytes, message: str) -> None:
        _, told = read_bytes(content)
        assert told.problems[-1].startswith(f"s.json: cannot be read to its end: {message}")


class TestLimits:
    """A small file that is a large one, and JSON that a parser takes long for."""

    def test_compressed_file_that_expands_too_much(self) -> None:
        blanks = b" " * MEBIBYTE
        with io.BytesIO() as stream:
            with gzip.GzipFile(fileobj=stream, mode="wb") as content:
                content.write(b'{"configurationItems":[')
                for _ in range(70):
                    content.write(blanks)
            assert read_bytes(stream.getvalue())[1].problems == [
                "s.json: cannot be read to its end: expands to more than 300 times its size"
            ]

    def test_items_that_are_alike_are_read(self) -> None:
        content = snapshot(*[item(resourceType="AWS::S3::Bucket")] * 3000, item())
        assert len(gzip.compress(content)) * 50 < len(content)
        assert len(read_whole(gzip.compress(content))) == 1

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    def test_deep_nesting(self, opening: str) -> None:
        _, told = read_bytes(b'{"configurationItems":[' + opening.encode() * 100_000)
        assert told.problems == ["s.json: cannot be read to its end: nested deeper than 500 levels"]

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 10_000,
            '\\"[' * 10_000,
            '\\\\", "other": "' + "[" * 600,
            '[\\\\\\"[' * 999,
            "a" * 70_000 + '\\"{',
        ],
    )
    def test_brackets_in_a_string_are_no_nesting(self, text: str) -> None:
        first = item(resourceId="HERE", resourceType="x")
        assert len(read_whole(snapshot(first, item()).replace(b"HERE", text.encode()))) == 1

    def test_escape_at_the_end_of_a_block_is_one(self) -> None:
        """Blocks have 64 KiB after the first 4 KiB."""
        for length in (4096, 4096 + 64 * 1024):
            begin = b'{"configurationItems":["'
            for shift in range(-2, 3):
                text = begin + b"a" * (length - len(begin) + shift) + b'\\"' + b"[" * 600 + b'"]}'
                _, told = read_bytes(text)
                assert told.problems[0].startswith("s.json: configurationItems[0]: ")
                assert len(told.problems) == 1

    @pytest.mark.parametrize("digits", ["1" * 5000, "9" * 70_000, "0." + "1" * 5000])
    def test_very_long_number(self, digits: str) -> None:
        """The parser's C code would end the process."""
        _, told = read_bytes(b'{"configurationItems":[' + digits.encode() + b"]}")
        assert told.problems == ["s.json: cannot be read to its end: more than 4,000 digits in a row"]

    def test_number_across_two_blocks(self) -> None:
        begin = b'{"configurationItems":['
        _, told = read_bytes(begin + b" " * (4096 - len(begin) - 2500) + b"1" * 5000 + b"]}")
        assert told.problems == ["s.json: cannot be read to its end: more than 4,000 digits in a row"]

    def test_very_long_string(self) -> None:
        _, told = read_bytes(b'{"configurationItems":["' + b"a" * 9 * MEBIBYTE + b'"]}')
        assert told.problems == ["s.json: cannot be read to its end: a string is longer than 8 MiB"]

    def test_string_of_a_mebibyte_is_read(self) -> None:
        assert len(read_whole(snapshot(item(resourceType="x", resourceId="a" * MEBIBYTE), item()))) == 1
