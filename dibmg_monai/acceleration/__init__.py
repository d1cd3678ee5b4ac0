"""The network at inference, as fast as the machine allows: the same maps, without what is known before."""
