"""From an image file to the network's input, and the way back from its output to the file's own pixels."""
