"""The part that only decides: no files, sockets, clocks, threads or pins; imports only the standard library."""
