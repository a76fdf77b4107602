"""What Overseerr's webhook tells of: never believed, but a reason to look."""
