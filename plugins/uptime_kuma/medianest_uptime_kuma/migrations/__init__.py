"""Migrations, one file each, named `uptime_kuma_<timestamp>.py`: Piccolo imports them by bare file name, so it is unique."""
