"""Where notifications arrive in tests: services that take them over HTTP, and a mail server."""
