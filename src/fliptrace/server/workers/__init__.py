"""The processes that read transcripts, analyze them and render results, and the threads that watch over them."""
