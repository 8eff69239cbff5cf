"""Work that ranks share without talking: what they agree on, and who does what, in a folder that all of them see."""
