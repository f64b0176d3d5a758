"""What a reader of a file is told: whose repositories they are, the values of parameters, and where to say problems."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.identifiers import partitions_of_region

SUFFIXES: Final = (".tf", ".tofu", ".tf.json", ".tofu.json")
"""Of files of Terraform and OpenTofu code."""
NAMED_ACCOUNT: Final = "000000000000"
"""Stands for the account of the code, where --owner does not say which: one account, which the policy names."""
_REGION: Final = "us-east-1"
_PARTITION: Final = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """What the options say about the code in files.

    owner, region: of the repositories, if known. parameters: values of template parameters by name. problem: takes
    what cannot be read in a file whose rest can. note: takes a line for the end of the report. kept: what a reader
    keeps for the next files of the run.
    """

    owner: str | None
    region: str | None
    parameters: Mapping[str, str]
    problem: Callable[[NotReadError], None]
    note: Callable[[str], None]
    kept: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def account_in_text(self) -> str:
        """What AWS::AccountId stands for: the owner, or one account that the policy names."""
        return self.owner or NAMED_ACCOUNT

    @property
    def region_in_text(self) -> str:
        """What AWS::Region stands for where a text needs it."""
        return self.region or _REGION

    @property
    def partition_in_text(self) -> str:
        """What AWS::Partition stands for."""
        return partitions_of_region(self.region)[0] if self.region else _PARTITION
