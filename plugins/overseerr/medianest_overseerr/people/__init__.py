"""Which person of the hub is which user of Overseerr, so that nobody ever asks as somebody else."""
