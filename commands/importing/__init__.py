"""Histories from elsewhere: a mapping file says what the rows of any files are, as commands with their own dates."""
