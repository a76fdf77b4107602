"""Web push: keys, subscriptions, encryption, and the call to a push service."""
