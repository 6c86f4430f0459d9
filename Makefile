# Everything here is one command that can be typed without make, too.
GO            ?= go
COUNT         ?= 6
FUZZTIME      ?= 20s
SEED          ?= 1
GOLANGCI_LINT ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   ?= $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.8.0
KUSTOMIZE     ?= $(GO) run sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
HELM          ?= $(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0
ACTIONLINT    ?= $(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
PLATFORMS     ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
CYCLONEDX     ?= $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUILD          = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X github.com/prometheus/common/version.Version=$(VERSION)"

.PHONY: demo test eval real detect-bench bench bench-busy bench-engines bench-day fuzz lint vuln build sbom sbom-check reproducible reproducible-quick release deploy-check image-check

demo: ## a simulated attack becomes a report, with a real Prometheus and Alertmanager
	$(GO) run ./cmd/alertscribe demo

test:
	$(GO) test -timeout 30m ./...

# How good the analyses are, on incidents of known cause: replayed, or with EVAL="-live -runs 5" asked of the live model.
eval:
	@$(GO) test ./analyzer/quality -run TestSuite -count=1 -timeout 4h -v $(EVAL)

# This machine with faults of its own, for half an hour: whether the reports name the cause. OUT=DIR keeps the reports, and REAL adds
# flags: REAL="-real.quiet 3m -real.faults cpu". Debian: apt-get install prometheus-node-exporter prometheus-process-exporter
real:
	@$(GO) test -ldflags '-X github.com/prometheus/common/version.Version=$(VERSION)' ./cmd/alertscribe -run TestRealMachine -count=1 -timeout 2h -v -real $(if $(OUT),-real.out '$(abspath $(OUT))') $(REAL)

# How good the detection of anomalies is: DATA=DIR has the folders nab and cloud-monitoring; without it, on generated
# series alone. STARTS=FILE gets a line "set,file,unix-time" for each start of an alert.
detect-bench:
	@$(GO) test ./detect/bench -run TestTable -count=1 -timeout 1h -v -table -seed $(SEED) \
	  $(if $(DATA),-data '$(abspath $(DATA))') $(if $(STARTS),-starts '$(abspath $(STARTS))')

# benchstat reads this: make bench >old.txt; …; make bench >new.txt; benchstat old.txt new.txt
bench:
	@$(GO) test -timeout 2h -run '^$$' -bench . -benchmem -count $(COUNT) ./...

# The whole program under load, each run some five minutes; see docs/performance.md. BASELINE=PATH measures another binary beside
# it: make bench-busy BASELINE=../before COUNT=6 >busy.txt; benchstat -col /binary busy.txt
bench-busy:
	@ALERTSCRIBE_BASELINE=$(abspath $(BASELINE)) $(GO) test -timeout 2h -run '^$$' -bench '^Benchmark(AcceptBusy|Drain|Grow|Bodies)$$' \
	  -benchtime 1x -count $(COUNT) ./cmd/alertscribe

# SQLite beside PostgreSQL with one copy and with three, and the disk that all of them sync to.
bench-engines:
	@$(GO) test -timeout 2h -run '^$$' -bench '^BenchmarkEngines$$' -benchtime 1x -count $(COUNT) ./cmd/alertscribe

# 20,000 notifications of a busy day, on both engines: memory, goroutines and open files after each quarter.
bench-day:
	@$(GO) test -timeout 2h -run '^$$' -bench '^BenchmarkBusyDay$$' -benchtime 1x ./cmd/alertscribe

# go test fuzzes one function at a time.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for name in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

lint:
	$(GOLANGCI_LINT) run

vuln:
	$(GOVULNCHECK) ./...

build:
	$(BUILD) -o bin/ ./cmd/alertscribe ./cmd/loginsim

# What the binary is made of, read from the binary itself: bin/sbom.json, in CycloneDX's format, with licenses.
sbom: build
	$(CYCLONEDX) bin -json -licenses -noserial -version "$(VERSION)" -output bin/sbom.json bin/alertscribe

# The list names every module that the binary holds, in its version and with a license.
sbom-check: sbom
	$(GO) test . -run TestSBOM -count=1 -sbom bin/sbom.json -binary bin/alertscribe

# Two builds in two directories give the same bytes. The second has an empty cache, or it would be the first one's: it takes minutes.
reproducible:
	@set -e; tmp=$$(mktemp -d); trap 'chmod -R u+w '"$$tmp"'; rm -rf '"$$tmp" EXIT; \
	for dir in one two/deeper; do \
	  mkdir -p "$$tmp/$$dir"; git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$$tmp/$$dir"; \
	done; \
	(cd "$$tmp/one" && $(BUILD) -buildvcs=false -o "$$tmp/a" ./cmd/alertscribe); \
	(cd "$$tmp/two/deeper" && GOCACHE="$$tmp/cache" $(BUILD) -buildvcs=false -o "$$tmp/b" ./cmd/alertscribe); \
	cmp "$$tmp/a" "$$tmp/b" && echo "reproducible: $$(sha256sum <"$$tmp/a" | cut -d' ' -f1)"

# The same in a minute: the second build takes from the cache what is not ours, and compiles ours again, in another directory.
reproducible-quick:
	@set -e; tmp=$$(mktemp -d); trap 'chmod -R u+w '"$$tmp"'; rm -rf '"$$tmp" EXIT; export CGO_ENABLED=0; cache=$$($(GO) env GOCACHE); \
	for dir in one two/deeper; do \
	  mkdir -p "$$tmp/$$dir"; git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$$tmp/$$dir"; \
	done; \
	(cd "$$tmp/one" && $(BUILD) -buildvcs=false -o "$$tmp/a" ./cmd/alertscribe); \
	ours=$$(cd "$$tmp/one" && $(GO) list -export -trimpath -buildvcs=false -deps -f '{{with .Module}}{{if .Main}}{{$$.Export}}{{end}}{{end}}' ./cmd/alertscribe); \
	mkdir "$$tmp/cache"; cp -al "$$cache"/?? "$$tmp/cache" 2>/dev/null || cp -r "$$cache"/?? "$$tmp/cache"; \
	for file in $$ours; do rm "$$tmp/cache/$${file#$$cache/}"; done; \
	(cd "$$tmp/two/deeper" && GOCACHE="$$tmp/cache" $(BUILD) -buildvcs=false -o "$$tmp/b" ./cmd/alertscribe); \
	for file in $$ours; do test -e "$$tmp/cache/$${file#$$cache/}" || { echo "$$file was not compiled again"; exit 1; }; done; \
	cmp "$$tmp/a" "$$tmp/b" && echo "reproducible, with $$(echo "$$ours" | wc -w) packages compiled twice: $$(sha256sum <"$$tmp/a" | cut -d' ' -f1)"

# Archives for each platform in dist/, named as Prometheus names its own, and their checksums.
release:
	@set -e; rm -rf dist; for platform in $(PLATFORMS); do \
	  os=$${platform%/*} arch=$${platform#*/}; name="alertscribe-$(VERSION).$$os-$$arch"; ext=; \
	  [ "$$os" != windows ] || ext=.exe; \
	  mkdir -p "dist/$$name"; cp LICENSE README.md "dist/$$name/"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -buildvcs=false \
	    -ldflags "-s -w -X github.com/prometheus/common/version.Version=$(VERSION)" -o "dist/$$name/alertscribe$$ext" ./cmd/alertscribe; \
	  tar -C dist --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf "dist/$$name.tar.gz" "$$name"; rm -r "dist/$$name"; \
	  echo "dist/$$name.tar.gz"; \
	done; cd dist; sha256sum *.tar.gz >sha256sums.txt

# What is deployed is what the tools understand: manifests, chart, workflows, and the Dockerfile, which BuildKit compiles and lints.
deploy-check:
	@set -e; for dir in sqlite postgres; do $(KUSTOMIZE) build deploy/kubernetes/$$dir >/dev/null; echo "deploy/kubernetes/$$dir: builds"; done
	$(HELM) lint --strict deploy/helm/alertscribe
	$(HELM) lint --strict deploy/helm/alertscribe --set database=postgres,existingSecret=alertscribe,serviceMonitor=true
	$(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yml
	$(GO) -C deploy/dockerfile run . ../../Dockerfile alertscribe loginsim

# The images without a container engine: their build's command on the context that Docker would be sent, and their entry points in a
# root that has what the images have, as their user. Root, or a machine that allows user namespaces, can do that.
image-check:
	@$(GO) test . -run 'TestImage|TestContextOfImages|TestCompose' -count=1 -v
