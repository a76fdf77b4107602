"""A guest book for MediaNest Hub. This file imports nothing: the hub reads `plugin`, `piccolo_app` and `commands` apart."""
