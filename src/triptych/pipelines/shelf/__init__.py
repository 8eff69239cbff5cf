"""shelf: find the empty spaces on photos of store shelves with Mask R-CNN."""
