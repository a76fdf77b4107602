"""The core's own tables, in the Postgres schema `medianest`, written as SQL."""
