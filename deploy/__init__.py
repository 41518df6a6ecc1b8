"""How Kronika runs: the command line, the local PostgreSQL and Kafka, and the settings."""
