"""How the report names accounts and Regions: the first five, and how many more there are. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ecr_exposure.cli.prerequisites.finding import Place, and_more, counted, with_name

_NAMED: Final = 5


class PlaceTexts:
    """Names accounts and Regions; one for the whole report."""

    def __init__(self, names: Mapping[str, str], regions: Collection[str]) -> None:
        """Take the names of the accounts by id, and all Regions that were named."""
        self._names, self._regions = names, frozenset(regions)

    def heading(self, places: Sequence[Place]) -> str:
        """Return the account and Region, or how many there are."""
        regions_of = _by_account(places)
        where = list(dict.fromkeys(place.region for place in places if place.region))
        if len(regions_of) == 1:
            account = f"account {with_name(self._names, places[0].account)}"
            return f"{account}, {self.regions(where)}" if where else account
        accounts = counted(len(regions_of))
        if len(where) <= 1:
            return ", ".join((accounts, *where))
        if all(len(regions) == len(where) for regions in regions_of.values()):
            return f"{accounts}, each in {self.regions(where)}"
        if len(places) == len(regions_of):
            return f"{accounts}, each in one of {len(where)} Regions"
        return f"{accounts}, {len(places):,} times in {len(where)} Regions"

    def first(self, places: Sequence[Place], *, heading: bool) -> str:
        """Return the first five accounts with their Regions, where they differ; empty if the heading names it."""
        regions_of = _by_account(places)
        if len(regions_of) <= heading:
            return ""
        differ = len({frozenset(regions) for regions in regions_of.values()}) > 1
        texts = [
            f"{with_name(self._names, account)}{f' in {self.regions(regions)}' if differ else ''}"
            for account, regions in list(regions_of.items())[:_NAMED]
        ]
        return and_more(texts, len(regions_of), "; " if differ else ", ")

    def regions(self, regions: Sequence[str]) -> str:
        """Return their names, or how many they are."""
        if len(regions) > 1 and self._regions == frozenset(regions):
            return "both Regions" if len(regions) == 2 else f"all {len(regions)} Regions"  # noqa: PLR2004 - both
        return ", ".join(regions) if len(regions) <= _NAMED else f"{len(regions)} of {len(self._regions)} Regions"


def _by_account(places: Sequence[Place]) -> Mapping[str, list[str]]:
    """Return the Regions of each account; one empty text where the places are whole accounts."""
    found: dict[str, list[str]] = defaultdict(list)
    for place in places:
        found[place.account].append(place.region)
    return found
