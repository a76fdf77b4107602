"""The core's migrations, in the order of their names."""
