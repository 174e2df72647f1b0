"""Who scores: supervised processes, on this machine or on a Dask cluster."""
