"""The instances of a block of Terraform code with count or for_each.

https://developer.hashicorp.com/terraform/language/meta-arguments/count
https://developer.hashicorp.com/terraform/language/meta-arguments/for_each
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from ecr_exposure.cli.found_policies.unknown_values import Unknown, Value
from ecr_exposure.cli.policies_in_terraform.located_values import MissingError, first_unknown
from ecr_exposure.cli.policies_in_terraform.uncertain_values import Choice, choice, may_be_absent

_MOST_INSTANCES: Final = 200
Names = Mapping[str, Value]


class Instance(NamedTuple):
    """One of the objects that a block stands for. key: as in its address, such as ``["a"]``; names: each or count.

    unknown: what decides whether it is there, if that is not known.
    """

    key: str
    names: Names
    unknown: Choice | None = None


def counted(count: Value, address: str) -> Iterator[Instance]:
    """Yield the instances of a count; one with an unknown index if it is not known. address: of the module."""
    options = count.options if isinstance(count, Choice) else (count,)
    numbers = [int(each) for each in options if isinstance(each, (int, str)) and str(each).isdigit()]
    if len(numbers) < len(options) or max(numbers) > _MOST_INSTANCES:
        unknown = _may_be_missing(count, address) if isinstance(count, Unknown) else None
        yield Instance("", {"count": {"index": Unknown("count.index")}}, unknown)
        return
    for index in range(max(numbers)):
        flags = tuple(number > index for number in numbers)
        unknown = _may_be_missing(count, address, flags) if isinstance(count, Choice) and not all(flags) else None
        yield Instance("" if max(numbers) == 1 else f"[{index}]", {"count": {"index": index}}, unknown)


def _may_be_missing(decides: Unknown, address: str, flags: tuple[bool, ...] = ()) -> Choice:
    """Return what stands for an instance that is there or not, by an unknown value; flags: for each of its options."""
    if isinstance(decides, Choice) and flags:
        return replace(decides, options=flags)
    return Choice(decides.reference, (address, decides.reference), (True, False))


def instances_of(value: Value, address: str) -> Iterator[Instance]:
    """Yield the instances of a for_each; one with unknown names if it is not known. address: of the module."""
    if isinstance(value, Choice):
        yield from _of_all_answers(value, address)
    elif isinstance(value, (Mapping, list)) and len(value) <= _MOST_INSTANCES:
        pairs = value.items() if isinstance(value, Mapping) else ((each, each) for each in value)
        for key, each in pairs:
            decides = first_unknown(key) if may_be_absent(key) else None
            in_address = f'["{key}"]' if isinstance(key, str) else ""
            names = {"each": {"key": key, "value": each}}
            yield Instance(in_address, names, _may_be_missing(decides, address) if decides else None)
    else:
        decides = first_unknown(value) or Unknown("each")
        named = "each.value" if decides.reference == "each" else f"{decides.reference}[…]"
        names = {"each": {"key": Unknown("each.key"), "value": Unknown(named)}}
        yield Instance("", names, _may_be_missing(decides, address))


def _of_all_answers(value: Choice, address: str) -> Iterator[Instance]:
    """Yield the instances of all answers; those with the same key are one."""
    options = [{each.key: each for each in instances_of(option, address)} for option in value.options]
    for key in dict.fromkeys(key for option in options for key in option):
        found = [option[key] for option in options if key in option]
        flags = tuple(key in option for option in options)
        unknown = None if all(flags) else _may_be_missing(value, address, flags)
        each_of = found[0].names["each"]
        values = tuple(each.names["each"]["value"] for each in found)
        if any(each != values[0] for each in values):
            question = value.question if all(flags) else object()
            each_of = {**each_of, "value": choice(value.reference, question, values)}
        yield Instance(key, {"each": each_of}, unknown)


def maybe(value: Value, unknown: Choice | None) -> Value:
    """Return an element of a list that may be absent as one of two lists; None as it is."""
    if value is None or unknown is None:
        return value
    return replace(unknown, options=tuple([value] if each else [] for each in unknown.options))


def instance_of(instances: list[Instance], key: Value) -> Instance:
    """Return the instance with a key; the only one for an index, or one whose names are unknown."""
    wanted = "" if not isinstance(key, (str, int)) else f'["{key}"]' if isinstance(key, str) else f"[{key}]"
    found = next((each for each in instances if each.key == wanted), None)
    if found:
        return found
    if wanted and all(each.key for each in instances):
        raise MissingError(f"no instance {key!r}")
    if len(instances) == 1:
        return instances[0]
    unknown = {"each": {"key": Unknown("each.key"), "value": Unknown("each.value")}}
    return Instance("", {**unknown, "count": {"index": Unknown("count.index")}})
