"""Where the definition can be read in two ways: the reading taken, so that a difference is easy to trace."""

# A request either has a key or not before anything is compared: a doubt (wrong type, empty list, plain operator on a
# multivalued key) only concerns a value that is there.
ABSENCE_BEFORE_DOUBT = True

# An unknown key may have several values, and then a plain operator on it is a doubt.
SEVERAL_VALUES_OF_AN_UNKNOWN_KEY_ARE_A_DOUBT = True

# "Never equal to a stranger's" holds for the outsider too, even when the zone lists no organization.
OUTSIDER_MAY_BE_IN_THE_OWNERS_ORGANIZATION = False

# NotPrincipal without a principal in it leaves nobody out, so it is about everyone.
EMPTY_NOT_PRINCIPAL_IS_EVERYONE = True
