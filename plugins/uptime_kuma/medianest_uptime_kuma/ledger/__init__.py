"""What is known of the monitors, kept in Postgres whatever the way in, and what follows from a change."""
