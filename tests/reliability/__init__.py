"""What the function does when a call of AWS fails: every call with every fault."""
