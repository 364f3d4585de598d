"""What Flask shares with Quart."""
