"""The web process: the Sanic application, its gate, its routes and live events; does no background work."""
