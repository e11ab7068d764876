"""One room per paper: model, losses, experiments and the paper's published numbers."""
