"""Who did what, on what, from where, with what result; knows no HTTP."""
