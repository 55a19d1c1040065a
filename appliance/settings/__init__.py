"""TOML text <-> one frozen Settings or all complaints."""
