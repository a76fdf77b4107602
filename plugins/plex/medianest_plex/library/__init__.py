"""The library index: what the Plex server has, kept in Postgres, so that it can be browsed while the server is off."""
