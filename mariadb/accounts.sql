-- Run by root at every start of the server, so that an older database gets it, too. The accounts are create-users.sh's.
-- Hibernate's bulk statements need temporary tables.
SET @grant = (SELECT IF(COUNT(*), "GRANT EXECUTE, CREATE TEMPORARY TABLES ON app.* TO app@'%'", "DO 0")
  FROM mysql.global_priv WHERE user = 'app' AND host = '%');
EXECUTE IMMEDIATE @grant;
-- A view is read by whoever may call its functions; and a backup names what it does not hold.
SET @grant = (SELECT IF(COUNT(*), "GRANT EXECUTE ON app.* TO backup@'%'", "DO 0") FROM mysql.global_priv WHERE user = 'backup' AND host = '%');
EXECUTE IMMEDIATE @grant;
SET @grant = (SELECT IF(COUNT(*), "GRANT SELECT (Host, User) ON mysql.global_priv TO backup@'%'", "DO 0")
  FROM mysql.global_priv WHERE user = 'backup' AND host = '%');
EXECUTE IMMEDIATE @grant;
SET @grant = (SELECT IF(COUNT(*), "GRANT SHOW DATABASES ON *.* TO backup@'%'", "DO 0") FROM mysql.global_priv WHERE user = 'backup' AND host = '%');
EXECUTE IMMEDIATE @grant;
-- Nobody takes all of max_connections: what is left is for root and the health check.
ALTER USER IF EXISTS app@'%' WITH MAX_USER_CONNECTIONS 100;
ALTER USER IF EXISTS migrator@'%' WITH MAX_USER_CONNECTIONS 10;
ALTER USER IF EXISTS backup@'%' WITH MAX_USER_CONNECTIONS 5;
ALTER USER IF EXISTS exporter@'%' WITH MAX_USER_CONNECTIONS 3; -- monitoring
