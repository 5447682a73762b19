"""From the store into files and tools of others."""
