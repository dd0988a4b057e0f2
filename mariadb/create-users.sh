# shellcheck shell=bash
# Sourced once, by the image's entrypoint, when the database is made: the service's own user, who may not change the
# schema, and the one that reads for a backup. The image itself makes root and the migrator.
quoted() { sed "s/[\\\\']/\\\\&/g" "/run/secrets/$1"; }
mariadb --defaults-extra-file=<(printf '[client]\nuser=root\npassword="%s"\n' "$(< /run/secrets/db_root)") --protocol=socket << EOSQL
CREATE USER 'app'@'%' IDENTIFIED BY '$(quoted db_app)';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO 'app'@'%';
CREATE USER 'backup'@'%' IDENTIFIED BY '$(quoted db_backup)';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON app.* TO 'backup'@'%';
GRANT SELECT ON mysql.proc TO 'backup'@'%';
-- monitoring:begin
-- Who sees the server's status, and no table.
CREATE USER 'exporter'@'%' IDENTIFIED BY '$(quoted db_exporter)' WITH MAX_USER_CONNECTIONS 3;
-- monitoring:end
EOSQL
unset -f quoted
rm -f /var/lib/mysql/.unfinished
