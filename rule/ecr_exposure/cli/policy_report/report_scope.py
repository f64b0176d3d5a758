"""What a run read, for the last line and the document of its report."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRead:
    """What ``check`` read: files that were opened, those of them that hold policies or could, and ignored ones."""

    read: int = 0
    recognized: int = 0
    ignored: int = 0

    @property
    def members(self) -> dict[str, Any]:
        """The members of the document about it."""
        numbers = {
            "read": self.read,
            "recognized": self.recognized,
            "not_recognized": self.read - self.recognized,
            "ignored": self.ignored,
        }
        return {"files": numbers}

    def sentence(self, policies: int) -> str:
        """Return the end of the last line, with the number of policies."""
        return (
            f"{counted(self.read, 'file')} read, {counted(policies, 'policy')} evaluated, "
            f"{self.read - self.recognized:,} not recognized, {self.ignored:,} ignored"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesRead:
    """What ``scan`` and ``report`` read: repositories of accounts and Regions.

    source: where the repositories or results come from, such as ``Amazon ECR``. caller: the ARN of the operator.
    accounts, regions: those that were read. not_seen: account and Region pairs that could not be read, or not all.
    rules: the names of the rules whose evaluations were read.
    """

    source: str
    caller: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    not_seen: int = 0
    rules: tuple[str, ...] = ()

    @property
    def members(self) -> dict[str, Any]:
        """The members of the document about it."""
        return {
            "scope": {
                "source": self.source,
                "caller": self.caller,
                "accounts": list(self.accounts),
                "regions": list(self.regions),
                "not_seen": self.not_seen,
                "rules": list(self.rules),
            }
        }

    def sentence(self, policies: int) -> str:
        """Return the end of the last line, with the number of repositories."""
        read = f"{counted(len(self.accounts), 'account')} and {counted(len(self.regions), 'Region')}"
        pairs = "account × Region" if self.not_seen == 1 else "accounts × Regions"  # noqa: RUF001 - a product
        not_seen = f", {self.not_seen:,} {pairs} not seen" if self.not_seen else ""
        return f"{counted(policies, 'repository')} in {read}{not_seen}"


Scope = FilesRead | PlacesRead


def counted(number: int, what: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
