"""What a model is worth, on one page: tables, curves and pictures of results and a datalist."""
