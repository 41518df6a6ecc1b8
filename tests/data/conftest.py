"""The API that the data is sent to: the one of the API's own tests, over a database of each module's own."""

from tests.api.conftest import app, client, house, key, project, settings, store

__all__ = ["app", "client", "house", "key", "project", "settings", "store"]
