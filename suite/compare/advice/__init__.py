"""What to take, why, what would change it, and what to try next, all of it generated from results."""
