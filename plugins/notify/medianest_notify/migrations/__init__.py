"""Migrations, one file each, named `notify_<timestamp>.py`: Piccolo imports them by bare file name, so it is unique."""
