"""HTTP in, HTTP out: routes that translate, and nothing more."""
