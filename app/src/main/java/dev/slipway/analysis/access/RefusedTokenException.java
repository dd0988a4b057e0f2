package dev.slipway.analysis.access;

import java.util.Locale;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.oauth2.server.resource.InvalidBearerTokenException;

/** A token that lets nobody in. Its message says why, and how to mend it. */
class RefusedTokenException extends InvalidBearerTokenException {

    private static final String MAKE_ONE = " Make one by scripts/token.sh.";

    final Reason reason;

    /** Why, as the metric and the log call it. */
    enum Reason {
        MISSING("The API wants a token, as Authorization: Bearer TOKEN." + MAKE_ONE),
        LEAKED("A token is in the path's query, where logs keep it: send it as Authorization: Bearer TOKEN alone, and revoke this one."),
        DOUBLED("There are two tokens: send one."),
        MALFORMED("This is no token, or a character of it is wrong or missing: copy it again, whole."),
        FOREIGN("This token is another project's."),
        UNKNOWN("This token was given to nobody, or is no more." + MAKE_ONE),
        EXPIRED("This token has expired." + MAKE_ONE),
        REVOKED("This token was revoked." + MAKE_ONE),
        INVALID("This token is not one that the identity provider gave for this service, or has expired: ask it for a new one."),
        SCOPE("The token does not have the scope that this asks for."),
        TRIES("Too many tokens that let nobody in came from this address: wait a minute.");

        final String detail;

        Reason(String detail) {
            this.detail = detail;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    RefusedTokenException(Reason reason) {
        super(reason.detail);
        this.reason = reason;
    }

    /** Nobody can say whose a token is, for the database or the identity provider does not answer. */
    static class SilentException extends AuthenticationException {

        final Exception reason;

        /** @param reason what a controller would have thrown */
        SilentException(Exception reason) {
            super("Nobody can say whose the token is.", reason);
            this.reason = reason;
        }
    }
}
