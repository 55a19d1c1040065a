"""The storm: sustained load while the relay is killed again and again (`make test-storm`)."""
