// For libraries that libbcc names and that have nothing in them here.
