# In place of mysql:8.4: MariaDB 10.11, told by the same variables and options.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update -q && apt-get install -qy --no-install-recommends mariadb-server-core mariadb-client-core \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
RUN useradd --system --uid 999 mysql && mkdir -p /var/lib/mysql /run/mysqld && chown mysql:mysql /var/lib/mysql /run/mysqld
COPY mysql.sh /entrypoint
USER mysql
ENTRYPOINT ["/entrypoint"]
