"""Files on this machine and in blob storage: written whole or not at all, mirrored, handed on as folders."""
