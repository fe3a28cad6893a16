"""From a YAML file and a command line to what is trained: names, limits and the objects that they make."""
