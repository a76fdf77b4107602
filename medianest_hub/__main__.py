"""`python -m medianest_hub` is the `medianest` command; nothing else happens here."""

from medianest_hub.cli import main

if __name__ == "__main__":
    main(prog_name="medianest")
