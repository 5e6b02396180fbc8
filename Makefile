# make demo | make test | make check. Each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin

# With glibc's allocator a long training spends a quarter of its time looking for memory (docs/results.md). By default
# jemalloc gives buffers above 8 MB back at once, and the time goes to the kernel instead.
JEMALLOC = LD_PRELOAD=$(firstword $(wildcard /usr/lib/*/libjemalloc.so.2 /usr/lib/libjemalloc.so.2 /usr/lib64/libjemalloc.so.2)) \
	MALLOC_CONF=oversize_threshold:0

.PHONY: demo test test-slow check embedded smol smol-demo mini-meld mini-masac study study-extended bench bench-transcripts bench-hosted bench-serve bench-batch bench-full attack fuzz-serve dist clean
.DELETE_ON_ERROR:

demo: .venv/.core  ## a transcript analyzed; three stages on the sample corpus, scores, one dialogue with the model's reasons
	$(BIN)/fliptrace analyze sample --html runs/demo-call.html
	@$(MAKE) --no-print-directory .venv/.train
	$(BIN)/fliptrace train recipes/demo.toml --out runs/demo
	$(BIN)/fliptrace predict runs/demo sample:test --ask chain --max-new-tokens 128 --overwrite --out runs/demo/test.jsonl
	$(BIN)/fliptrace score runs/demo/test.jsonl
	$(BIN)/fliptrace show runs/demo/test.jsonl sample:test
	$(BIN)/fliptrace report runs/demo
	@echo "To look at in a browser: the call in runs/demo-call.html, the training in runs/demo/report.html"

test: .venv/.dev  ## everything that runs within minutes
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow"

test-slow: .venv/.dev  ## the rest
	$(BIN)/python -m pytest -q -m slow

check: .venv/.dev  ## style, types, layers, what the docs say, the sample corpus as built from its source
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.build_sample --check
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py tests/test_architecture.py

mini-meld mini-masac: .venv/.train  ## the runs of docs/results.md; FLIPTRACE_DATA names the folder of corpora
	$(BIN)/fliptrace train recipes/$@.toml --out runs/$@
	$(BIN)/fliptrace report runs/$@

study: .venv/.train  ## the core study: 66 cells, resumable; its report in studies/core/
	$(BIN)/fliptrace reproduce studies/core/study.toml

study-extended: .venv/.train  ## its variations too: instruction sets left out, another order, own answers, labels, data
	$(BIN)/fliptrace reproduce studies/core/study.toml --extended

bench: .venv/.bench  ## training and reading against TRL and generate, 10M weights; minutes, on a machine that does nothing else
	$(BIN)/python bench/train.py
	$(BIN)/python bench/predict.py --sets meld

bench-transcripts: .venv/.bench  ## reading every transcript format, 10,000 utterances each; 15 minutes
	$(BIN)/python bench/transcripts.py

bench-hosted: .venv/.bench  ## asking a provider that takes 20 ms and fails 5% of requests; 3 minutes
	$(BIN)/python bench/hosted.py

bench-serve: .venv/.bench  ## lists and searches over 100,000 utterances; 100 clients at once; a minute
	$(BIN)/python bench/serve.py

bench-batch: .venv/.bench  ## 200 and 1,000 conversations analyzed by one process and two; 10 minutes
	$(BIN)/python bench/batch.py

bench-full: .venv/.bench  ## 113M weights and a narrow vocabulary too, and how the gains grow: hours, up to 24 GB of memory
	$(BIN)/python bench/train.py --sizes 10m 10m-narrow-vocab 113m --arms all --growth --out bench/train-full.json
	$(BIN)/python bench/predict.py --sizes 10m 10m-narrow-vocab 113m --arms all --growth --out bench/predict-full.json

embedded: .venv/.train runs/e5-trimmed  ## the shipped model: its base made, trained, packed, measured, its card; killed, it goes on
	$(JEMALLOC) $(BIN)/fliptrace train recipes/encoder/reader.toml --out runs/reader
	$(BIN)/python -m tools.reader.pack runs/reader

runs/e5-trimmed: | .venv/.train
	$(BIN)/python -m tools.encoder_base runs/e5-small --trimmed $@ --data meld:train --data masac-erc:train

smol: .venv/.train  ## SmolLM2-135M-Instruct fetched, then trained in stages; killed, it goes on where it was
	$(BIN)/fliptrace models fetch smollm2-135m-instruct-q4_1
	$(BIN)/python -m tools.smol.stages restore runs/smol
	$(JEMALLOC) $(BIN)/fliptrace train recipes/smol.toml --out runs/smol
	$(BIN)/fliptrace report runs/smol

smol-demo: .venv/.train  ## the base fetched (93 MB), and the sample call analyzed by it with the adapter that ships
	$(BIN)/fliptrace models fetch smollm2-135m-instruct-q4_1
	$(BIN)/fliptrace analyze sample --model smol --html runs/smol-call.html

attack: .venv/.dev  ## hostile files, and commands killed at random moments; 40 minutes, another SEED tries others
	$(BIN)/python -m tools.attack --seed $(firstword $(SEED) 0)

fuzz-serve: .venv/.dev  ## 5,000 generated requests to the routes of the service; minutes
	FLIPTRACE_NUM_REQUESTS=5000 $(BIN)/python -m pytest -q -n 0 -m slow tests/server/test_openapi_fuzzing.py

dist: .venv/.dev  ## sdist and wheel, checked; the wheel alone analyzes the sample call in an environment of its own
	rm -rf dist
	$(BIN)/pip install -q -c constraints.txt -e '.[release]'
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv dist/try
	dist/try/bin/pip install -q -c constraints.txt dist/*.whl
	cd dist && try/bin/fliptrace analyze sample --html call.html

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fliptrace needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.core: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing fliptrace into .venv: 250 MB, under a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.train .venv/.bench .venv/.dev: .venv/.%: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing fliptrace[$*] into .venv: PyTorch and all, 1.4 GB or more, a few minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@
