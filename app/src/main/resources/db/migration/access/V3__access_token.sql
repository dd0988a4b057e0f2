-- Who may use the API. scripts/token.sh makes the rows; the token itself is nowhere.
CREATE TABLE access_token (
    hash         BINARY(32)   NOT NULL PRIMARY KEY COMMENT 'SHA-256 of the token',
    name         VARCHAR(63)  NOT NULL COMMENT 'whose it is; two of one name may be valid at once',
    scopes       VARCHAR(500) NOT NULL COMMENT 'separated by a space',
    created_at   DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    expires_at   DATETIME(6)  NOT NULL,
    revoked_at   DATETIME(6),
    last_used_at DATETIME(6)  COMMENT 'within a minute',

    KEY by_name (name)
) DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
