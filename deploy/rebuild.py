"""Finds what is to be rebuilt by its name, in PostgreSQL or in the lakehouse, and rebuilds it."""

import asyncio
from collections.abc import Callable

from deploy.migrate import rebuilt
from deploy.settings import Settings, SettingsError
from projections import PROJECTIONS


def rebuild_by_name(
    name: str, settings: Settings, accept_difference: bool, progress: Callable[[int, int], None]
) -> str:
    """Rebuild a read model and say how it went, in one line. Raises SettingsError for an unknown name, Differs."""
    from projections import analytics

    assert settings.database_url
    for projection in PROJECTIONS:
        if projection.name == name:
            done = asyncio.run(
                rebuilt(
                    settings.database_url, settings, projection, accept_difference=accept_difference, progress=progress
                )
            )
            proof = (
                "built by another version before"
                if done.live is None
                else "equal to the live one"
                if done.live == done.rebuilt
                else f"the live one had {done.live}"
            )
            return f"{name} rebuilt to position {done.position}: {done.rebuilt}; {proof}."
    names = [projection.name for projection in PROJECTIONS] + [fact for fact in analytics.FACTS]
    raise SettingsError(f"there is no read model {name}; there are {', '.join(sorted(names))}")
