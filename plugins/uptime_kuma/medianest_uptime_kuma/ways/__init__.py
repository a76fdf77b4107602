"""The three ways in: each reads Uptime Kuma until it cannot, and hands what it saw to the ledger."""
