"""The process Apprise runs in: confined, told one message at a time, ended when it takes too long. Imports nothing of the hub.

It reads lines of JSON and answers each with one. The first says what it may do (`Start`), each further one is an order.
"""
