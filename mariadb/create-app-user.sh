# shellcheck shell=bash
# Sourced once, by the image's entrypoint, when the database is made: the service's own user, who may not change the
# schema. The image itself makes root and the migrator.
mariadb --defaults-extra-file=<(printf '[client]\nuser=root\npassword="%s"\n' "$(< /run/secrets/db_root)") --protocol=socket << EOSQL
CREATE USER 'app'@'%' IDENTIFIED BY '$(sed "s/[\\\\']/\\\\&/g" /run/secrets/db_app)';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO 'app'@'%';
EOSQL
