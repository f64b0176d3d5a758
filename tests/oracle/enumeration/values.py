"""Numbers, dates and networks as they stand in policies and requests."""

import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Span = tuple[int, int, int]
"""A run of addresses: IP version, first, last."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?",
    re.ASCII,
)
_CIDR = re.compile(r"[0-9a-fA-F:.]+(/\d{1,3})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LAST_SECOND = 253402300799
PUBLIC_IPV6 = ip_network("2000::/3")
PRIVATE_IPV4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)


@lru_cache(maxsize=8192)
def parse_number(text: str) -> Fraction | None:
    """An integer or a decimal number."""
    return Fraction(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=8192)
def parse_date(text: str) -> Fraction | None:
    """A W3C date or the seconds since 1970, as seconds since 1970."""
    match = _DATE.fullmatch(text)
    if match is None:
        return parse_number(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=_zone(zone),
        )
    except ValueError:
        return None
    return Fraction((moment - _EPOCH) // timedelta(seconds=1)) + Fraction(f"0{fraction or '.0'}")


def _zone(text: str | None) -> timezone:
    """The offset of a W3C date; without one it is UTC."""
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def date_text(seconds: int) -> str:
    """The text of a moment as AWS writes it."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=8192)
def parse_network(text: str) -> Network | None:
    """A CIDR, or an address, which is a network of one."""
    if _CIDR.fullmatch(text) is None:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def parse_address(text: str) -> Address | None:
    """An address without a mask."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Public is what is routed: not private, loopback, link-local, shared, multicast, reserved."""
    if isinstance(address, IPv6Address):
        return address in PUBLIC_IPV6
    return not any(address in network for network in PRIVATE_IPV4)


def span(network: Network) -> Span:
    """The run of addresses of a network."""
    return network.version, int(network.network_address), int(network.broadcast_address)


def public_spans() -> tuple[Span, ...]:
    """The public runs of addresses of both versions."""
    gaps: list[Span] = []
    start = 0
    for network in PRIVATE_IPV4:
        _, first, last = span(network)
        if first > start:
            gaps.append((4, start, first - 1))
        start = last + 1
    return (*gaps, span(PUBLIC_IPV6))


def every_span() -> tuple[Span, ...]:
    """All addresses of both versions."""
    return (4, 0, 2**32 - 1), (6, 0, 2**128 - 1)


def address_text(version: int, number: int) -> str:
    """The usual text of an address."""
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def elementary_spans(networks: frozenset[Network], space: tuple[Span, ...]) -> list[Span]:
    """Cut the space at every border of the networks: inside a piece all addresses are alike."""
    pieces: list[Span] = []
    for version, first, last in space:
        cuts = {first}
        for network in networks:
            other, low, high = span(network)
            if other == version:
                cuts |= {cut for cut in (low, high + 1) if first < cut <= last}
        borders = [*sorted(cuts), last + 1]
        pieces += [(version, a, b - 1) for a, b in pairwise(borders)]
    return pieces


def public_size(networks: frozenset[Network], version: int) -> int:
    """How many public addresses of a version the union of the networks holds."""
    return sum(
        last - first + 1
        for family, first, last in elementary_spans(networks, public_spans())
        if family == version
        and any(net.version == version and span(net)[1] <= first <= span(net)[2] for net in networks)
    )
