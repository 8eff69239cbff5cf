"""A project of four nodes with the hooks of triptych."""
