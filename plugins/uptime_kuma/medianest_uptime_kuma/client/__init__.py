"""All this plugin says to Uptime Kuma. Keys and passwords go in a header or a message, never in an address."""
