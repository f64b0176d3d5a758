"""The repository policies in Terraform and OpenTofu code, before there is a plan.

The files of a folder are one module. A local module is evaluated where it is called, with its arguments.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.policies_in_files.code_facts import CodeFacts
from ecr_exposure.cli.policies_in_files.found_policy import FoundPolicy, Kind, Span, StatementSpan
from ecr_exposure.cli.policies_in_files.hcl_reader import Attribute, Block
from ecr_exposure.cli.policies_in_files.hcl_tokens import Source
from ecr_exposure.cli.policies_in_files.json_positions import JsonPositions
from ecr_exposure.cli.policies_in_files.located_values import LocatedObject, WrittenText, plain
from ecr_exposure.cli.policies_in_files.policy_document_data import policy_of, read_document
from ecr_exposure.cli.policies_in_files.terraform_module import (
    META_ARGUMENTS,
    Code,
    Instance,
    Module,
    ReadFolder,
    is_local,
    text_or_unknown,
)
from ecr_exposure.cli.policies_in_files.terraform_variables import variables_of
from ecr_exposure.cli.policies_in_files.unknown_values import Joined, Unknown, Value
from ecr_exposure.policy.json_values import elements
