"""The mapping language: what a mapping file can say, and what each of its words makes of a row."""
