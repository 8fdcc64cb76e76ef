"""`interp.heatmap`: a frame of effects as a picture. (Filled in below.)"""
