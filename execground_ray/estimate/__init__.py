"""What a run would give and cost, from a sample of its problems: nothing is written, and no model is asked."""
