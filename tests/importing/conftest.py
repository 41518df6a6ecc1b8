"""What the tests of imports stand on: the API over a database of each module's own."""

from tests.api.conftest import app, client, house, key, project, settings, store

__all__ = ["app", "client", "house", "key", "project", "settings", "store"]
