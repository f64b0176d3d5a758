"""The request of a model, to be read by a person."""

import ipaddress
from typing import Any

from tests.oracle.solver import logic
from tests.oracle.solver.keys import Kind, Slot
from tests.oracle.solver.request import Request
from tests.oracle.solver.texts import Spelling


def shown(request: Request, action: str, statement: int, spelling: Spelling) -> dict[str, Any]:
    """The request of a model, with the keys that the policy asks about."""
    context: dict[str, Any] = {}
    for name, key in request.keys.items():
        there = [slot for slot in key.slots if logic.shown_truth(spelling.model, slot.present)]
        values = [_value(key.kind, slot, spelling) for slot in there]
        if values:
            context[name] = values if len(values) > 1 else values[0]
    caller = request.caller
    return {
        "caller": _text(request.key("aws:principalarn").slots[0], spelling),
        "account": spelling.items((caller.account,)),
        "action": action,
        "statement": statement,
        "context": context,
    }


def _value(kind: Kind, slot: Slot, spelling: Spelling) -> str:
    """A value in the form that its type reads."""
    if kind is Kind.ADDRESS and slot.address is not None:
        short = logic.shown_truth(spelling.model, slot.address.is_short)
        value = int(logic.shown_number(spelling.model, slot.address.short if short else slot.address.long))
        return str(ipaddress.IPv4Address(value) if short else ipaddress.IPv6Address(value))
    if kind in (Kind.NUMBER, Kind.MOMENT, Kind.EPOCH):
        return logic.shown_number(spelling.model, slot.number)
    return _text(slot, spelling)


def _text(slot: Slot, spelling: Spelling) -> str:
    options = [option for option in slot.texts() if logic.shown_truth(spelling.model, option.guard)]
    return spelling.items(options[0].items) if options else ""
