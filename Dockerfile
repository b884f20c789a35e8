# A static binary on an empty image: no shell, no package manager, no root.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -mod=readonly -trimpath -buildvcs=false -tags nomsgpack -ldflags='-s -w' -o /out/signet ./cmd/signet && \
    mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/signet /signet
# Where a loopback issuer keeps its SQLite file and generated key; unused with MySQL.
COPY --from=build --chown=65532:65532 /out/data /var/lib/signet/data
WORKDIR /var/lib/signet
USER 65532:65532
EXPOSE 8080
# No HEALTHCHECK: /livez and /readyz on the operations listener (port 9090) are for the balancer or orchestrator, which
# has to ask over the network anyway.
ENTRYPOINT ["/signet"]
CMD ["serve"]
