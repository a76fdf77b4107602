"""Migrations, one file each, named `hello_<timestamp>.py`: Piccolo imports them by bare file name, so it must be unique."""
