"""People's own addresses: what services there are, how addresses are read, kept and shown."""
