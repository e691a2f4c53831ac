# cchc: `make` lists what there is. Everything is installed into .venv, nothing outside the checkout.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run demo test lint format kafka up down bench drill docs lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The sentinel's name holds what the environment was made from and where, so that a second start installs nothing.
KEY = $(shell cat requirements/$(1).txt pyproject.toml Makefile | cksum | tr ' ' '-')-$(shell echo "$(CURDIR)" | cksum | cut -d' ' -f1)
RUN_READY := $(VENV)/ready-run-$(call KEY,run)
DEV_READY := $(VENV)/ready-dev-$(call KEY,dev)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

help: ## danh sách này [this list]
	@printf 'cchc: theo dõi kế hoạch cải cách hành chính. Các lệnh [targets]:\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-15s %s\n", $$1, $$2 }'
	@printf '\nThiết đặt của make run [settings]: CCHC_HOME, CCHC_PORT, CCHC_TRANSPORT, CCHC_SAMPLE; xem .venv/bin/cchc run --help\n'

# launch.py ends the system when make itself is killed.
run: $(RUN_READY) ## chạy hệ thống trên máy này, dừng bằng Ctrl-C [run everything here, Ctrl-C stops]
	@exec $(BIN)/python -I -S deploy/embedded/launch.py 15 same 0 $(CURDIR)/$(BIN)/cchc run

demo: $(RUN_READY) ## công việc chính trên hệ thống đang chạy, có kiểm tra số liệu [the main job on the running system]
	@$(BIN)/cchc demo

# Tests that start whole systems come last, among their own kind: they measure how long a system needs to come back.
IN_PARALLEL := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
WHOLE_SYSTEMS := tests/e2e tests/fuzz tests/integration/deploy tests/integration/kafka
test: $(DEV_READY) ## mọi kiểm thử; ARGS="-k tên" để chọn [all tests; ARGS chooses]
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(IN_PARALLEL) $(addprefix --ignore=,$(WHOLE_SYSTEMS))
	$(IN_PARALLEL) $(WHOLE_SYSTEMS)
endif

lint: $(DEV_READY) ## quy tắc mã nguồn: ruff, mypy, import-linter [rules of the code]
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(DEV_READY) ## định dạng mã nguồn [format the code]
	$(BIN)/python -m ruff check --fix-only --quiet
	$(BIN)/python -m ruff format

kafka: $(RUN_READY) ## chỉ Apache Kafka một nút; cần Java 17 và Maven [a broker alone; needs Java 17 and Maven]
	@exec $(BIN)/python -I -S deploy/embedded/launch.py 15 same 0 $(CURDIR)/$(BIN)/cchc kafka

up: .env ## tất cả bằng Docker Compose [everything in containers]
	docker compose up --build --detach --wait

down: ## dừng Docker Compose, giữ dữ liệu [stop the containers, keep the data]
	docker compose down

bench: $(DEV_READY) ## đo tốc độ cạnh mức trần của máy [speed beside the machine's ceiling]
	$(BIN)/python -m tests.bench $(ARGS)

drill: $(DEV_READY) ## diễn tập hỏng hóc, khoảng hai giờ, ghi docs/drills.md; ARGS="--only R2 --seed 7" [faults on purpose]
	$(BIN)/python -m tests.drills $(ARGS)

docs: $(DEV_READY) ## sinh lại docs/events.md, asyncapi.yaml, settings.md [write the generated documents again]
	$(BIN)/python -m deploy.contract_documents

LOCK := uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: ## khóa lại phiên bản thư viện; cần uv [pin the libraries again; needs uv]
	@command -v uv >/dev/null || { echo "Cần uv: https://docs.astral.sh/uv [uv is needed]"; exit 1; }
	$(LOCK) --extra build --extra embedded --output-file requirements/run.txt
	$(LOCK) --extra build --constraint requirements/run.txt --output-file requirements/build.txt
	$(LOCK) --extra build --extra embedded --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt

clean: ## xóa môi trường và kết quả sinh ra; dữ liệu trong .cchc còn nguyên [remove what can be made again; .cchc stays]
	rm -rf $(VENV) deploy/kafka/libs deploy/kafka/libs.unfinished deploy/kafka/target .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache build dist cchc.egg-info

.env:
	@echo "Chưa có .env: chép từ .env.example và đặt mật khẩu. [copy .env.example to .env and set passwords]"; exit 1

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "Cần Python 3.11 trở lên. [Python 3.11 or later is needed]"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Cần Python 3.11 trở lên; make PYTHON=python3.11 nếu có nhiều bản. [Python 3.11 or later is needed]"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Không tạo được môi trường: cài gói python3-venv. [install python3-venv]"; exit 1; }

$(RUN_READY): $(VENV)/pyvenv.cfg
	@echo "Đang cài thư viện vào $(VENV), chỉ một lần. [installing, once]"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/ready-run-*
	@touch $@

$(DEV_READY): $(RUN_READY)
	@echo "Đang cài công cụ kiểm thử vào $(VENV), chỉ một lần. [installing test tools, once]"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@rm -f $(VENV)/ready-dev-*
	@touch $@
