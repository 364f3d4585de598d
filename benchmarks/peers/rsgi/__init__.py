"""RSGI: ours, whose application is the same object under every protocol, and what is beside it."""
