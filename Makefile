# Everything that a newcomer or a build machine types. Each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help env demo test test-pixelmed lint format bench weights clean

help:
	@echo "make demo   two real exams from DICOM to scores, maps and pictures, in out/demo"
	@echo "make test   all tests"
	@echo "make env    the environment alone, in $(VENV)"
	@echo "make lint   ruff, mypy, typos        make format   let ruff mend what it can"
	@echo "make bench  seconds, shares and ratios of each stage      make bench BENCH=--help   its options"
	@echo "make weights DDSM=DIR   train the shipped weights again; DIR has the films and their datalist.json"
	@echo "make test-pixelmed   structured reports against the templates of PS3.16; needs java and Debian's libpixelmed-java"
	@echo "make test-pacs   results in Debian's Orthanc     make test-viewer   and in the OHIF viewer, from npm"
	@echo "make map    the build context of the MONAI Application Package, in $(MAP)"
	@echo "make map-image   its image                  make map-run STUDY=DIR [OUT=DIR]   run it; both need docker"
	@echo "make test-label   the MONAI Label app over its REST API, in an environment of its own (make label-env)"
	@echo "make federated    five simulated hospitals train one network     make test-federated   two tiny ones"
	@echo "make clean  remove the environment and what was made"

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v in ((3, 11), (3, 12)) else \
	  f"Python 3.11 or 3.12 is needed, {sys.executable} is {v[0]}.{v[1]}; name another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[deploy,train,demo,dev,onnx]"
	@touch $@

demo: env
	$(BIN)/python apps/demo.py

# A process for each core, up to four: each takes up to 2 GB.
test: env
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-pixelmed: env
	TEST_PIXELMED=1 $(BIN)/python -m pytest tests/outputs -k "pixelmed or templates"

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/typos

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: env
	$(BIN)/python tests/benchmarks/bench.py $(BENCH)

# The shipped weights: planted masses in crops, then in whole exams, then exam labels; in half precision.
# bundle/docs/README.md has the record.
FILM := OMP_NUM_THREADS=1 $(BIN)/python -m monai.bundle run --bundle_root bundle --num_workers 1 \
  --dataset_dir "$(DDSM)" --datalist "$(DDSM)/datalist.json"
PLANTED := --config_file "['bundle/configs/train.yaml','bundle/configs/film.yaml','bundle/configs/pretrain.yaml']"
LABELS := --config_file "['bundle/configs/train.yaml','bundle/configs/film.yaml']"
weights: env
	$(FILM) $(PLANTED) --crop_size 112 --epochs 40 --learning_rate 0.001 --output_dir out/weights/crops
	$(FILM) $(PLANTED) --init_path out/weights/crops/model.pt --output_dir out/weights/whole
	$(FILM) $(LABELS) --init_path out/weights/whole/checkpoint.pt --output_dir out/weights/labels
	$(BIN)/python -m dibmg_monai average out/weights/labels/model.pt --half --output bundle/models/model.pt

clean:
	rm -rf $(VENV) $(LABEL_VENV) $(FEDERATED_VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

# Results in Debian's Orthanc, and in the OHIF viewer from npm. Orthanc answers on every address of its network: it gets
# one of its own. pytest's exit status 5 says that all tests were skipped; the line before says why.
OHIF := 3.13.2
.PHONY: test-pacs test-viewer
test-pacs: env
	tests/pacs/alone $(BIN)/python -m pytest tests/pacs/test_orthanc.py || test $$? -eq 5

test-viewer: env out/ohif/index.html
	$(BIN)/python -m pip install --quiet --constraint constraints.txt playwright
	tests/pacs/alone $(BIN)/python -m pytest tests/viewer || test $$? -eq 5

out/ohif/index.html:
	-rm -rf out/ohif && mkdir -p out/npm && cd out/npm && npm pack --silent @ohif/app@$(OHIF) && \
	  tar -xzf ohif-app-$(OHIF).tgz && mv package/dist ../ohif && rm -r ../npm

# The MONAI Application Package; docs/deploy.md says more. Docker and its engine are needed for the last two targets only.
# The image's user has the number of whom it is built for, and writes to OUT; root has 1000 there.
MAP := out/map
MAP_IMAGE := dib-mg:$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' dibmg_monai/__init__.py)
MAP_USER := $(shell id -u | sed 's/^0$$/1000/')
OUT ?= out/map-run

.PHONY: map map-image map-run docker-engine
map: env
	@rm -rf $(MAP)
	@$(BIN)/python apps/package.py --output $(MAP)

docker-engine:
	@docker version >/dev/null 2>&1 || \
	  { echo "error: no docker engine answers; make map writes the build context without one" >&2; exit 1; }

map-image: docker-engine map
	docker build --tag $(MAP_IMAGE) --build-arg UNAME=holoscan --build-arg UID=$(MAP_USER) --build-arg GID=$(MAP_USER) \
	  --build-arg GPU_TYPE=dgpu $(MAP)

map-run: docker-engine
	@test -n "$(STUDY)" || { echo "error: which study? make map-run STUDY=DIR [OUT=DIR]" >&2; exit 1; }
	@install --directory --owner=$(MAP_USER) "$(OUT)"
	docker run --rm --network none --volume "$(abspath $(STUDY))":/var/holoscan/input:ro \
	  --volume "$(abspath $(OUT))":/var/holoscan/output $(MAP_IMAGE)

# The MONAI Label app, in an environment of its own: MONAI Label has not come to numpy 2 yet. docs/label.md says more.
LABEL_VENV ?= .venv-label
LABEL_BIN := $(LABEL_VENV)/bin

.PHONY: label-env test-label
label-env: $(LABEL_VENV)/.ready

$(LABEL_VENV)/.ready: pyproject.toml apps/label/constraints.txt apps/label/fit_environment.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v == (3, 11) else \
	  f"MONAI Label 0.8.5 was tried with Python 3.11, {sys.executable} is {v[0]}.{v[1]}; name another: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(LABEL_VENV)
	$(LABEL_BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(LABEL_BIN)/python -m pip install --quiet --constraint apps/label/constraints.txt \
	  --editable ".[demo]" monailabel==0.8.5 pytest
	@$(LABEL_BIN)/python apps/label/fit_environment.py
	@touch $@

test-label: label-env
	tests/pacs/alone $(LABEL_BIN)/python -m pytest tests/label

# Federated training by NVIDIA FLARE, in an environment of its own: it brings a web server, and needs Python 3.11.
# docs/federated.md says more. The tests run in a network of their own: nothing is downloaded.
FEDERATED_VENV ?= .venv-federated
FEDERATED_BIN := $(FEDERATED_VENV)/bin

.PHONY: federated federated-env test-federated
federated-env: $(FEDERATED_VENV)/.ready

$(FEDERATED_VENV)/.ready: pyproject.toml constraints.txt apps/federated/constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v == (3, 11) else \
	  f"monai-nvflare needs Python 3.11, {sys.executable} is {v[0]}.{v[1]}; name another: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(FEDERATED_VENV)
	$(FEDERATED_BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(FEDERATED_BIN)/python -m pip install --quiet --constraint constraints.txt \
	  --constraint apps/federated/constraints.txt --editable ".[federated,train]" pytest
	@touch $@

federated: federated-env
	$(FEDERATED_BIN)/python apps/federated

test-federated: federated-env
	tests/pacs/alone $(FEDERATED_BIN)/python -m pytest tests/federated
