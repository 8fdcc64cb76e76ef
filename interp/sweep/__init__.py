"""Many runs from one YAML: a grid of points, each an ordinary run, carried out on a laptop or a cluster and told together."""
