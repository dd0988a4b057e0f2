# shellcheck shell=bash
# The monitoring's own user, who may ask for the server's status and see no table. Sourced once, when the database is
# made; a database that is there already gets it by: docker compose exec db bash /docker-entrypoint-initdb.d/create-exporter-user.sh
mariadb --defaults-extra-file=<(printf '[client]\nuser=root\npassword="%s"\n' "$(< /run/secrets/db_root)") --protocol=socket << EOSQL
CREATE USER IF NOT EXISTS 'exporter'@'%';
ALTER USER 'exporter'@'%' IDENTIFIED BY '$(sed -n 's/^password=//p' /run/secrets/mysqld_exporter)' WITH MAX_USER_CONNECTIONS 3;
EOSQL
