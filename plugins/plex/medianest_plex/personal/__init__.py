"""What Plex says of one person, asked with their own token: what is shared with them, watched by them, next for them."""
