"""Networks: what users bring, where their hidden layers are, what regularizes them already."""
