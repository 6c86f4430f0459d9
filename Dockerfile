# docker build -t alertscribe .                    the service
# docker build -t loginsim --target loginsim .     the demo's login service
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=docker
# An empty tree for the final images, which have no shell to make one: what alertscribe may write to, and a /tmp.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X github.com/prometheus/common/version.Version=$VERSION" \
      -o /out/ ./cmd/alertscribe ./cmd/loginsim && \
    mkdir -m 0700 -p /tree/reports /tree/data /tree/tmp

FROM scratch AS loginsim
COPY --from=build /out/loginsim /loginsim
USER 65532:65532
EXPOSE 9091 9092
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/loginsim", "--health"]
ENTRYPOINT ["/loginsim"]

# The last stage is the default.
FROM scratch AS alertscribe
# Without these no model answers over https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /tree/ /
COPY --from=build /out/alertscribe /alertscribe
ENV REPORT_DIR=/reports DATABASE_URL=sqlite:///data/alertscribe.db
# A directory of the host that is mounted here must belong to 65532.
VOLUME ["/reports", "/data"]
USER 65532:65532
EXPOSE 5008
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/alertscribe", "health"]
ENTRYPOINT ["/alertscribe"]
