"""Serves the API: `python -m api`, with both servers named in the settings."""

from __future__ import annotations

from api.app import serve
from deploy.settings import load_settings

if __name__ == "__main__":
    serve(load_settings())
