"""An oracle that asks a solver whether one request gets in."""
