"""An oracle that tries every kind of request there is, one after the other."""
