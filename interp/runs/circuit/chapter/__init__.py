"""Many runs of probes in a sweep's report."""
