"""Writes what somebody asked for into a file: read in one snapshot, written in one of four formats, kept in parts."""
