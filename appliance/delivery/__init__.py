"""Scheduler, routes, DNS, connections and the SMTP client."""
