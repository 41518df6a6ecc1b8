"""What can be read."""

from projections.projection import Projection

PROJECTIONS: tuple[Projection, ...] = ()
