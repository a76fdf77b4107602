"""YouTube downloads for MediaNest Hub. Imports nothing: yt-dlp's own process passes through here as well."""
