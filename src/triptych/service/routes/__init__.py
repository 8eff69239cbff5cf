"""What is asked for: each module makes a router."""
