"""Customers that may be one and the same: whom to compare, how alike they are, and asking for those that are."""
