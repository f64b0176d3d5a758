"""Random policies, valid and invalid ones, and the other arguments of `judge`."""
