-- Where an imported event was taken from: the system, how far it is trusted, file and line, the import, the moment it gave.
ALTER TABLE log.events ADD COLUMN source json;
