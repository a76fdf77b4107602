"""What runs in yt-dlp's own process, begun as `python -I -m medianest_youtube.yt_dlp_process`; nothing of the hub's.

One process is one download or one look at a link. It reads one line of JSON from its standard input (the `Order`),
then answers to each `info` with one line more, and tells what happens in lines of JSON on its standard output.
Its parent's end is its own.
"""
