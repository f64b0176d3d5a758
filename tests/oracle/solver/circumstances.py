"""Where a call comes from and when: addresses, moments, and ARNs of things that are the caller's own."""

from dataclasses import dataclass

from tests.oracle.solver import logic
from tests.oracle.solver.caller import Caller
from tests.oracle.solver.logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver.numeric import LongAddressPiece, MomentPiece, NumberPiece, OctetPiece
from tests.oracle.solver.pieces import Alternative, Items, Piece, items
from tests.oracle.solver.shapes import DASHED, MOMENT, MOMENT_SHAPE, NO_ARN_SHAPE, PRINTABLE
from tests.oracle.solver.values import NOT_PUBLIC_V4, PUBLIC_V6, Span

LONGEST_SESSION = 36 * 3600


@dataclass(frozen=True)
class Address:
    """An IPv4 or IPv6 address as two numbers, of which one counts."""

    is_short: Bool
    short: Int
    long: Int


def within(value: Int, span: Span) -> Bool:
    """Whether a number lies in a span."""
    return logic.both(value >= span[0], value <= span[1])


def moment(caller: Caller) -> Int:
    """The moment of the call: now or later."""
    value = logic.int_var("moment")
    caller.once("moment fact", lambda: caller.facts.append(value >= caller.rules.now))
    return value


def issued(caller: Caller) -> Int:
    """When the caller's token was issued: at most 36 hours before the call."""
    value, call = logic.int_var("token issued"), moment(caller)
    bounds = logic.both(value <= call, value >= call - LONGEST_SESSION)
    caller.once("token fact", lambda: caller.facts.append(bounds))
    return value


def moment_items(caller: Caller, value: Int, name: str) -> Items:
    """A moment as text."""

    def make() -> Items:
        spelled = caller.new_text(f"{name} as text", MOMENT, MOMENT_SHAPE, 20, 20)
        return items(MomentPiece(value, spelled.text, caller.doubts.guess))

    return caller.once(f"{name} items", make)


def number_items(caller: Caller, value: Int, name: str) -> Items:
    """A whole number as text."""
    return caller.once(f"{name} items", lambda: items(NumberPiece(value, caller.doubts.guess)))


def address(caller: Caller, name: str, *, public: bool, long: bool = True) -> Address:
    """An address of the caller's choice, public ones only where AWS sees only those."""

    def make() -> Address:
        is_short = logic.bool_var(f"{name} is IPv4") if long else TRUE
        v4, v6 = logic.int_var(f"{name} v4"), logic.int_var(f"{name} v6")
        caller.facts += [v4 >= 0, v4 < 1 << 32, v6 >= 0, v6 < 1 << 128]
        if public:
            caller.facts += [logic.no(within(v4, span)) for span in NOT_PUBLIC_V4]
            caller.facts.append(within(v6, PUBLIC_V6))
        return Address(is_short, v4, v6)

    return caller.once(f"{name} address", make)


def address_texts(caller: Caller, name: str, chosen: Address) -> tuple[Alternative, ...]:
    """An address as text, dotted or in canonical IPv6 form."""

    def make() -> tuple[Alternative, ...]:
        octets = [logic.int_var(f"{name} octet {place}") for place in range(4)]
        caller.facts += [within(octet, (0, 255)) for octet in octets]
        caller.facts.append(chosen.short == sum(octet * 256 ** (3 - place) for place, octet in enumerate(octets)))
        dotted: list[str | Piece] = []
        for octet in octets:
            dotted += [OctetPiece(octet), "."]

        def leave_out() -> Bool:
            if caller.doubts.loose:
                return caller.doubts.guess()
            caller.doubts.cuts.append(chosen.is_short)
            return FALSE

        whole = LongAddressPiece(chosen.long, caller.free_text(f"{name} v6 as text").text, leave_out)
        short = Alternative(chosen.is_short, items(*dotted[:-1]))
        return short, Alternative(logic.no(chosen.is_short), items(whole))

    return caller.once(f"{name} texts", make)


def own_arn(caller: Caller, name: str) -> Items:
    """An ARN of something in an account of the caller's own."""
    service, region = caller.free_text(f"{name} service", DASHED, 1), caller.free_text(f"{name} region", DASHED)
    rest = caller.free_text(f"{name} rest", PRINTABLE, 1)
    return items("arn:", caller.partition, ":", service, ":", region, ":", caller.own_account(name), ":", rest)


def provider(caller: Caller) -> tuple[Alternative, ...]:
    """aws:FederatedProvider: a provider in an account of the caller's own, or another text."""
    is_arn = logic.bool_var("provider is an ARN")
    path = caller.free_text("provider path", PRINTABLE, 1)
    other = caller.once("provider text", lambda: caller.new_text("provider text", PRINTABLE, NO_ARN_SHAPE))
    arn = items("arn:", caller.partition, ":iam::", caller.own_account("provider"), ":", path)
    return Alternative(is_arn, arn), Alternative(logic.no(is_arn), items(other))


def region_items(caller: Caller) -> Items:
    """The repository's region; any when it is not known."""
    return items(caller.rules.region or caller.free_text("region", DASHED, 1))
