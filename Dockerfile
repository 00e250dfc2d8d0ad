# The image from source, with nothing but Docker:
#
#     docker build -t socket-proxy .
#
# For other processors it compiles on this one, without emulation:
#
#     docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 …
#
# It ends as Dockerfile.scratch does, which packs binaries that are built already.
# There is no HEALTHCHECK, since health is off by default and orchestrators end
# containers whose health check fails; see docs/health.md.
ARG RUST=1.95.0
FROM --platform=$BUILDPLATFORM rust:${RUST}-slim-bookworm AS build
# `--sbom` reads Cargo.lock in this stage. The image holds no list of crates.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
ARG TARGETARCH
ARG TARGETVARIANT
WORKDIR /src
COPY . .
# The commit: `--build-arg REVISION=$(git rev-parse HEAD)`. No git is needed here.
ARG REVISION
RUN SOCKET_PROXY_COMMIT="$REVISION" scripts/build-static "$TARGETARCH$TARGETVARIANT" /out

FROM scratch
ARG VERSION=1.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="socket-proxy" \
      org.opencontainers.image.description="A filtering proxy for the Docker socket" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
COPY --from=build /out/ /
# nobody: who runs it adds the group of the socket, --user 65534:GID.
USER 65534:65534
EXPOSE 2375
ENTRYPOINT ["/socket-proxy"]
