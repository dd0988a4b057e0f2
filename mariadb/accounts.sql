-- The service's accounts, and what each may do: a statement a line. Root runs this at every start of the server, so that an older
-- database gets what is new. An account that is new lets nobody in before start.sh, or scripts/secrets.sh rotate, gives it a password.
-- None of it is in the binary log, which a restore follows. MAX_USER_CONNECTIONS: no account takes all of max_connections; what is left is for root and the health check.
SET sql_log_bin = 0;
CREATE DATABASE IF NOT EXISTS app;

-- The service, which may not change the schema. Hibernate's bulk statements need temporary tables.
CREATE USER IF NOT EXISTS app@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
ALTER USER app@'%' WITH MAX_USER_CONNECTIONS 100;
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES ON app.* TO app@'%';

-- Migrations.
CREATE USER IF NOT EXISTS migrator@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
ALTER USER migrator@'%' WITH MAX_USER_CONNECTIONS 10;
GRANT ALL PRIVILEGES ON app.* TO migrator@'%';

-- Backups: a view is read by whoever may call its functions; and a backup names what it does not hold.
CREATE USER IF NOT EXISTS backup@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
ALTER USER backup@'%' WITH MAX_USER_CONNECTIONS 5;
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, EXECUTE ON app.* TO backup@'%';
GRANT SELECT ON mysql.proc TO backup@'%';
GRANT SELECT (Host, User) ON mysql.global_priv TO backup@'%';
GRANT SHOW DATABASES ON *.* TO backup@'%';

-- The copy of the binary log, which sees every change and no table.
CREATE USER IF NOT EXISTS archiver@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
ALTER USER archiver@'%' WITH MAX_USER_CONNECTIONS 5;
GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO archiver@'%';

-- monitoring:begin
-- mysqld-exporter, which sees the server's status, and no table.
CREATE USER IF NOT EXISTS exporter@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
ALTER USER exporter@'%' WITH MAX_USER_CONNECTIONS 3;
-- monitoring:end
