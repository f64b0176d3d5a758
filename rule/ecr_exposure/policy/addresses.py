"""IP addresses and CIDR ranges, and which addresses are public.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IPAddress
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

Range = tuple[int, int]
"""The first and the last address of a range, as integers."""

IPV4, IPV6 = 4, 6
WIDTH: Final = {IPV4: 32, IPV6: 128}
"""Bits of an address, by IP version."""

_MASK: Final = re.compile(r"0|[1-9][0-9]{0,2}")


def read_cidr(text: str) -> tuple[int, int, int] | None:
    """Return (IP version, network bits, mask length) of a CIDR range; None if the text is not one.

    An address without a mask is a range of one address. Bits behind the mask are dropped.
    """
    address, slash, mask = text.partition("/")
    version, family = (IPV6, socket.AF_INET6) if ":" in address else (IPV4, socket.AF_INET)
    try:
        bits = int.from_bytes(socket.inet_pton(family, address))
    except (OSError, ValueError):
        return None
    width = WIDTH[version]
    if slash and not (_MASK.fullmatch(mask) and int(mask) <= width):
        return None
    length = int(mask) if slash else width
    shift = width - length
    return (version, bits >> shift << shift, length)


def range_of(cidr: str) -> tuple[int, Range]:
    """Return the IP version of a valid CIDR range and its first and last address."""
    version, bits, length = read_cidr(cidr) or (IPV4, 0, WIDTH[IPV4])
    return version, (bits, bits | (1 << (WIDTH[version] - length)) - 1)


def is_in_range(cidr: str, address: str) -> bool:
    """Return whether an address is in a CIDR range; False if either is invalid."""
    network, found = read_cidr(cidr), read_cidr(address)
    if network is None or found is None or network[0] != found[0]:
        return False
    shift = WIDTH[network[0]] - network[2]
    return network[1] >> shift == found[1] >> shift


def _gaps(ranges: Iterable[Range], width: int) -> tuple[Range, ...]:
    found: list[Range] = []
    start = 0
    for first, last in sorted(ranges):
        if first > start:
            found.append((start, first - 1))
        start = max(start, last + 1)
    if start < 1 << width:
        found.append((start, (1 << width) - 1))
    return tuple(found)


# The ranges for documentation count as public: example requests come from them.
_NOT_PUBLIC: Final = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3"
)
_PUBLIC_IPV6: Final = "2000::/3"

PUBLIC: Final = {
    IPV4: _gaps((range_of(cidr)[1] for cidr in _NOT_PUBLIC.split()), WIDTH[IPV4]),
    IPV6: (range_of(_PUBLIC_IPV6)[1],),
}
"""The public ranges, by IP version."""


def public_size(cidrs: Iterable[str]) -> dict[int, int]:
    """Return how many public addresses the union of the ranges holds, by IP version."""
    ranges: dict[int, list[Range]] = {IPV4: [], IPV6: []}
    for cidr in cidrs:
        version, found = range_of(cidr)
        ranges[version].append(found)
    return {version: _public_size(version, each) for version, each in ranges.items()}


def _public_size(version: int, ranges: list[Range]) -> int:
    outside = _gaps(ranges, WIDTH[version])
    total = sum(last - first + 1 for first, last in PUBLIC[version])
    for first, last in PUBLIC[version]:
        total -= sum(max(0, min(last, end) - max(first, start) + 1) for start, end in outside)
    return total


def is_partly_public(cidr: str) -> bool:
    """Return whether a CIDR range holds a public address."""
    version, (first, last) = range_of(cidr)
    return any(first <= end and start <= last for start, end in PUBLIC[version])


def is_public(text: str) -> bool:
    """Return whether the text is one public address."""
    found = read_cidr(text)
    if found is None or found[2] != WIDTH[found[0]]:
        return False
    return any(first <= found[1] <= last for first, last in PUBLIC[found[0]])


def address_text(version: int, number: int) -> str:
    """Return an address in its usual notation."""
    return str(ipaddress.IPv4Address(number) if version == IPV4 else ipaddress.IPv6Address(number))
