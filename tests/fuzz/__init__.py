"""Long runs of random and mutated octets against every parser of what strangers send (`make fuzz EXAMPLES=20000`)."""
