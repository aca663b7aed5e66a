# In place of redis:7.4: Debian's one Redis binary acts by the name it is called by.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update -q && apt-get install -qy --no-install-recommends redis-tools \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && ln -s /usr/bin/redis-check-rdb /usr/local/bin/redis-server
RUN mkdir /data && chown redis:redis /data
WORKDIR /data
USER redis
