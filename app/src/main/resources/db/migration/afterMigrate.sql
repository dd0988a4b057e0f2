-- MariaDB cannot take a right away for one table: the service may write every table of the schema but Flyway's history.
-- EXECUTE IMMEDIATE, since Flyway would end a trigger at its first semicolon.
EXECUTE IMMEDIATE "CREATE OR REPLACE TRIGGER history_insert BEFORE INSERT ON ${flyway:table} FOR EACH ROW
  IF SUBSTRING_INDEX(USER(), '@', 1) NOT IN ('migrator', 'root') THEN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = 'INSERT denied: the history of migrations is the migrator''s'; END IF";
EXECUTE IMMEDIATE "CREATE OR REPLACE TRIGGER history_update BEFORE UPDATE ON ${flyway:table} FOR EACH ROW
  IF SUBSTRING_INDEX(USER(), '@', 1) NOT IN ('migrator', 'root') THEN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = 'UPDATE denied: the history of migrations is the migrator''s'; END IF";
EXECUTE IMMEDIATE "CREATE OR REPLACE TRIGGER history_delete BEFORE DELETE ON ${flyway:table} FOR EACH ROW
  IF SUBSTRING_INDEX(USER(), '@', 1) NOT IN ('migrator', 'root') THEN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = 'DELETE denied: the history of migrations is the migrator''s'; END IF";
