"""Speed and size, measured on the real program: medians, and ratios where there is something to compare with."""
