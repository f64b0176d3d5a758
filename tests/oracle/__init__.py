"""An independent judge of policies, and the generator of policies to compare it with the engine."""
