"""`outbox demo`: the whole box on one machine, with a pretend Internet."""

from appliance.demo.tour import run

__all__ = ["run"]
