"""From files to exams: which four images belong together, and why."""
