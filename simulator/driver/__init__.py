"""What a test may do to the simulated world; the control API is made of these verbs."""

from simulator.driver.loading import LoadVerbs
from simulator.driver.places import PlaceVerbs
from simulator.driver.reading import ReadingVerbs
from simulator.driver.trouble import TroubleVerbs


class Driver(PlaceVerbs, ReadingVerbs, LoadVerbs, TroubleVerbs):
    """Every verb, in the simulator's own loop; `simulator.control` has them over HTTP."""


__all__ = ["Driver"]
