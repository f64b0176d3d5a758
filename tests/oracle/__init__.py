"""The oracle: it answers the engine's question by another method, a solver; and the generator of random policies."""
