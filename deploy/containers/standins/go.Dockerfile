# In place of golang: Debian's backport of Go 1.23.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN echo "deb http://deb.debian.org/debian bookworm-backports main" > /etc/apt/sources.list.d/backports.list \
    && apt-get update -q && apt-get install -qy --no-install-recommends golang-1.23-go \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
ENV PATH=/usr/lib/go-1.23/bin:$PATH
