"""Where a sweep's points are carried out: behind one small protocol, `base.Round`."""
