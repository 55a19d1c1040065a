"""A pretend Internet on loopback: a name server and mail servers that follow a script. For the demo and the tests."""
