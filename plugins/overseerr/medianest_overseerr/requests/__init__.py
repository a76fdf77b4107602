"""What people asked for: kept in Postgres as the service has it, made, taken back and decided on in the right name."""
