# glorieta: everything a newcomer or CI needs, one word each.
CARGO ?= cargo
.DEFAULT_GOAL := test
.PHONY: test

test: ## every test there is so far: the engine's crates
	$(CARGO) test --locked --workspace
