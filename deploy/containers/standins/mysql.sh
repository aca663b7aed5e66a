#!/bin/sh
# Starts MariaDB as the official image starts MySQL: an empty data folder gets its system tables, root may log in from
# everywhere with $MYSQL_ROOT_PASSWORD, and the arguments are the server's options.
set -eu
data=/var/lib/mysql
if [ ! -d $data/mysql ]; then
    mariadb-install-db --no-defaults --datadir=$data --skip-test-db >/dev/null
fi
cat > /tmp/init.sql <<SQL
CREATE USER IF NOT EXISTS root@'%';
ALTER USER root@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
ALTER USER root@localhost IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;
SQL
exec mariadbd --no-defaults --datadir=$data --init-file=/tmp/init.sql --bind-address=0.0.0.0 --port=3306 \
    --socket=/run/mysqld/mysqld.sock "$@"
