"""One module per framework and protocol; a function for each workload makes the application."""
