"""Random storms on a made-up machine: the real deciding parts and their glue, a false clock."""
