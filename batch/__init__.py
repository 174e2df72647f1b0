"""An archive becomes predictions.csv: processes, output files, the command line."""
