"""Pages of the format html, as a reader of their elements and of their compressed data sees them."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import Report
from tests.commands.checked_policies import written

VOID: Final = frozenset(("meta", "link", "input", "br", "rect"))
_MARK: Final = re.compile("[\x01-\x05]")


@dataclass
class Element:
    """An element; path: the names of those around it; text: what is directly in it."""

    name: str
    attributes: dict[str, str | None]
    path: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page in their order."""

    source: str
    elements: list[Element] = field(default_factory=list)
    opened: list[Element] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the page."""
        super().__init__()
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        element = Element(tag, dict(attrs), tuple(each.name for each in self.opened))
        self.elements.append(element)
        if tag not in VOID:
            self.opened.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the element, which must be the last one that was opened."""
        if tag in VOID:
            return
        if not self.opened or self.opened.pop().name != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if self.opened:
            self.opened[-1].text += data

    def named(self, name: str) -> list[Element]:
        """Return the elements of a name."""
        return [each for each in self.elements if each.name == name]

    def visible_text(self) -> str:
        """Return the text that is not in scripts, styles and the data."""
        return " ".join(each.text for each in self.elements if each.name not in ("script", "style"))

    def data(self) -> "PageData":
        """Return what the script reads."""
        (element,) = (each for each in self.named("script") if each.attributes.get("id") == "data")
        head, *contents = gzip.decompress(base64.b64decode(element.text, validate=True)).decode("ascii").split("\n")
        return PageData(json.loads(head), contents)


@dataclass(frozen=True)
class PageData:
    """The data of a page; contents: JSON with marks, one for each different policy."""

    head: dict[str, Any]
    contents: list[str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.head["rows"]["result"])

    def more(self, row: int) -> dict[str, Any]:
        """Return what only this row has."""
        found: dict[str, Any] = self.head["more"].get(str(row), {})
        return found

    def content(self, row: int) -> Any:
        """Return the content of a row's policy, with the repository's own names."""
        rows = self.head["rows"]
        name = rows["repository"][row]
        values = {
            "\x01": name,
            "\x02": self.head["accounts"][rows["account"][row]],
            "\x03": self.head["regions"][rows["region"][row]],
            "\x04": re.sub("[^a-z0-9_]", "_", name),
            "\x05": "".join(part.capitalize() for part in re.findall("[a-z0-9]+", name)),
        }

        def filled(value: Any) -> Any:
            if isinstance(value, str):
                return _MARK.sub(lambda found: values[found[0]], value)
            if isinstance(value, list):
                return list(map(filled, value))
            return {key: filled(each) for key, each in value.items()} if isinstance(value, dict) else value

        return filled(json.loads(filled(self.contents[rows["policy"][row]])))

    def findings(self) -> Iterator[tuple[str, int, str]]:
        """Yield file, line and address of each finding of a file."""
        for row in range(len(self)):
            places = self.more(row)["places"]
            for finding, (line, _) in zip(self.content(row)["findings"], places, strict=False):
                assert finding["text"]
                yield self.head["files"][self.head["rows"]["file"][row]], line, self.more(row).get("address", "")


def page_of(report: Report) -> Page:
    """Return the page of a report."""
    return Page(written(FORMATS["html"], report))
