"""Notifications: what plugins tell, whom it reaches by which ways and when, and the activity of the house."""
