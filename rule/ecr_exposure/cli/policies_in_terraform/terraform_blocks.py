"""The blocks in the files of a folder of Terraform or OpenTofu code.

https://developer.hashicorp.com/terraform/language/files
https://opentofu.org/docs/language/files/
"""

import posixpath
from collections.abc import Callable, Mapping

from ecr_exposure.cli.found_policies.code_facts import SUFFIXES
from ecr_exposure.cli.found_policies.found_policy import NotReadError
from ecr_exposure.cli.hcl.hcl_reader import Attribute, Block, read_hcl


class Code:
    """The blocks of the files of one folder, with the overrides in place.

    https://developer.hashicorp.com/terraform/language/files/override
    """

    def __init__(
        self, files: Mapping[str, str], problem: Callable[[NotReadError], None], *, for_terraform: bool = False
    ) -> None:
        """Read the files; one that is not HCL is a problem, and left out. for_terraform: as OpenTofu otherwise."""
        self.blocks: list[Block] = []
        self.locals: dict[str, Attribute] = {}
        names = {*filter(is_code, files)}
        for_tofu = {name for name in names if ".tofu" in _suffix(name)}
        replaced = {name.removesuffix(_suffix(name)) + _suffix(name).replace("tofu", "tf") for name in for_tofu}
        self.depends_on_tool = bool(for_tofu) and for_tofu != names
        names -= for_tofu if for_terraform else replaced
        for file in sorted(names, key=lambda name: (_is_override(name), name)):
            try:
                found = read_hcl(file, files[file])
            except NotReadError as error:
                problem(error)
                continue
            for block in found:
                self._add(block, is_override=_is_override(file))
        self._by_key = {(block.kind, *block.labels): block for block in self.blocks}

    def _add(self, block: Block, *, is_override: bool) -> None:
        if block.kind == "locals":
            self.locals.update(block.attributes)
            return
        for at, earlier in enumerate(self.blocks if is_override else ()):
            if (earlier.kind, earlier.labels) == (block.kind, block.labels):
                self.blocks[at] = earlier.overridden(block)
                return
        self.blocks.append(block)

    def block(self, *key: str) -> Block | None:
        """Return the block of a kind with these labels."""
        return self._by_key.get(key)


def is_code(file: str) -> bool:
    """Return whether a file is Terraform or OpenTofu code."""
    return file.endswith(SUFFIXES)


def _suffix(file: str) -> str:
    return next(suffix for suffix in SUFFIXES if file.endswith(suffix))


def _is_override(file: str) -> bool:
    stem = posixpath.basename(file).removesuffix(_suffix(file))
    return stem == "override" or stem.endswith("_override")
