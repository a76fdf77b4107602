"""What is being played now: kept in Postgres as the server tells it, told to pages, and read for them."""
