# In place of apache/kafka: the same jars, by Maven (they are the context), and the same KAFKA_ variables.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
# Java's package links a manual page into a folder that the base has no more.
RUN mkdir -p /usr/share/man/man1 && apt-get update -q && apt-get install -qy --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
RUN useradd --uid 1000 appuser && mkdir -p /var/lib/kafka/data && chown appuser /var/lib/kafka/data
COPY libs /opt/kafka/libs
COPY log4j2.properties /opt/kafka/log4j2.properties
COPY kafka.sh /entrypoint
USER appuser
ENTRYPOINT ["/entrypoint"]
