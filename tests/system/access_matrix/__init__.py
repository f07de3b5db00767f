"""The access matrix: every role, through every door, at everything that could hold a customer's personal data."""
