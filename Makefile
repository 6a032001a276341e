# What a person types here. The work is in cargo and in appliance/tools/; each target installs what it lacks, and asks first.

ARGS ?=

.PHONY: help demo test browser-test bench fuzz fmt audit image hw-test hw-soak

help:
	@echo "make demo          the whole provider on https://localhost:8443 (ARGS=--fresh starts over, ARGS=--unclaimed begins without an owner)"
	@echo "make test          formatting, lints, every test, a real relying party, a real browser"
	@echo "make browser-test  only the relying party and the browser"
	@echo "make bench         size, memory, speed and disk writes, each beside its bound"
	@echo "make fuzz          every parser of outside input, 20 s each"
	@echo "make image         the card image for a Raspberry Pi, in target/image (20 minutes the first time)"
	@echo "make hw-test       boots that image as an emulated Pi and tests what it promises"
	@echo "make hw-soak       the same for longer: more power cuts, more of everything"
	@echo "make fmt           format the code"
	@echo "make audit         licences, sources, duplicates and known advisories of the dependencies"

demo:
	@appliance/tools/demo.sh $(ARGS)

test:
	@appliance/tools/test.sh

browser-test:
	@appliance/tools/test.sh browser

bench:
	@appliance/tools/bench.sh $(ARGS)

fuzz:
	@appliance/tools/fuzz.sh $(ARGS)

fmt:
	@appliance/tools/prepare.sh lint
	@. appliance/tools/env.sh && cargo fmt --all

audit:
	@appliance/tools/audit.sh

image:
	@image/build.sh build $(ARGS)

hw-test:
	@hw-tests/run.sh $(ARGS)

hw-soak:
	@hw-tests/run.sh --soak $(ARGS)
