"""What plugins answer to the hub: loaded one at a time over all replicas, kept per scope, stale rather than absent."""
