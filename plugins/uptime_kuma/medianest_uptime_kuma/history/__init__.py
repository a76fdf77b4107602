"""What became of monitors over time: beats as they came, what they add up to, and what is too old to keep."""
