"""What happened: the log that both sides share."""
