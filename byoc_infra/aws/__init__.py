"""Everything that speaks to AWS outside the engine."""
