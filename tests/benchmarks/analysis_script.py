"""The package in a script of its own: ``python tests/benchmarks/analysis_script.py STUDY OUT WEIGHTS [OUTPUTS]``."""

import sys
from pathlib import Path

from settings import BUNDLE

from dibmg_monai.analysis import analyze
from dibmg_monai.outputs.exam_files import DEFAULT, parse_outputs
from dibmg_monai.weights import load_predictor

if __name__ == "__main__":
    study, output, weights = map(Path, sys.argv[1:4])
    outputs = parse_outputs(sys.argv[4]) if len(sys.argv) > 4 else DEFAULT
    analyze(study, output_dir=output, predictor=load_predictor(BUNDLE, model_path=weights), outputs=outputs)
