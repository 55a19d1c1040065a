"""The SMTP server: mail in from clients and devices."""
