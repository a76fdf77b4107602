"""A push service and the browsers subscribed at it, in tests."""
