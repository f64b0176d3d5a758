"""Addresses that a caller can have, and the networks that are small enough to be trusted.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

from ecr_exposure.policy.operators import read_cidr

Span = tuple[int, int]
_WIDTH: Final = {4: 32, 6: 128}
# The ranges for documentation count as public: they are what a witness calls from.
_NOT_PUBLIC: Final = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3"
)
_PUBLIC_IPV6: Final = "2000::/3"
# No larger than a /8, and than a /32 of IPv6.
_LARGEST: Final = {4: 2**24, 6: 2**96}
_FAVOURITES: Final = ("198.51.100.7", "203.0.113.7", "192.0.2.7", "2001:db8::7")


def span_of(cidr: str) -> tuple[int, Span]:
    """Return the IP version of a sound CIDR text and its first and last address."""
    version, bits, length = read_cidr(cidr) or (4, 0, 32)
    return version, (bits, bits | (1 << (_WIDTH[version] - length)) - 1)


def _gaps(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    found: list[Span] = []
    start = 0
    for first, last in sorted(spans):
        if first > start:
            found.append((start, first - 1))
        start = max(start, last + 1)
    if start < 1 << width:
        found.append((start, (1 << width) - 1))
    return tuple(found)


PUBLIC: Final = {
    4: _gaps((span_of(cidr)[1] for cidr in _NOT_PUBLIC.split()), 32),
    6: (span_of(_PUBLIC_IPV6)[1],),
}


def is_trusted_network(cidrs: Iterable[str]) -> bool:
    """Tell whether the public part of the union of the ranges is small enough to be somebody's own."""
    spans: dict[int, list[Span]] = {4: [], 6: []}
    for cidr in cidrs:
        version, span = span_of(cidr)
        spans[version].append(span)
    return all(_public_size(version, each) <= _LARGEST[version] for version, each in spans.items())


def _public_size(version: int, spans: list[Span]) -> int:
    outside = _gaps(spans, _WIDTH[version])
    total = sum(last - first + 1 for first, last in PUBLIC[version])
    for first, last in PUBLIC[version]:
        total -= sum(max(0, min(last, end) - max(first, start) + 1) for start, end in outside)
    return total


def is_partly_public(address: str, length: int) -> bool:
    """Tell whether the range of an address and a mask of this length holds a public address."""
    version, (first, last) = span_of(f"{address}/{length}")
    return any(first <= end and start <= last for start, end in PUBLIC[version])


def is_public(text: str) -> bool:
    """Tell whether the text is one public address."""
    found = read_cidr(text)
    if found is None or found[2] != _WIDTH[found[0]]:
        return False
    return any(first <= found[1] <= last for first, last in PUBLIC[found[0]])


def address_text(version: int, number: int) -> str:
    """Return the usual text of an address."""
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))  # noqa: PLR2004


def candidates(cidrs: Iterable[str]) -> list[str]:
    """Return addresses among which each region that the ranges cut out has one.

    A region that is left when ranges are joined and taken away begins where a range begins, or right
    behind the end of one.
    """
    found = list(_FAVOURITES)
    edges: set[tuple[int, int]] = {(version, first) for version, spans in PUBLIC.items() for first, _ in spans}
    edges |= {(4, 0), (6, 0)}
    for cidr in cidrs:
        version, (first, last) = span_of(cidr)
        edges |= {(version, first), (version, last + 1), (version, (first + last) // 2)}
    found += [address_text(v, number) for v, number in sorted(edges) if number < 1 << _WIDTH[v]]
    return found
