"""Where results go besides files: one file per program that keeps or draws the trials of many runs."""

from suite.publish.destinations.destination import Shipment
from suite.publish.destinations.sending import Delivery, choose, send

__all__ = ["Delivery", "Shipment", "choose", "send"]
