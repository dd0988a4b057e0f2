package dev.slipway.analysis.access;

import org.springframework.dao.DataAccessException;
import org.springframework.security.core.AuthenticationException;

/** Nobody can say whose a token is, for the database does not answer. */
class DatabaseSilentException extends AuthenticationException {

    final DataAccessException reason;

    DatabaseSilentException(DataAccessException reason) {
        super("The database does not answer.", reason);
        this.reason = reason;
    }
}
