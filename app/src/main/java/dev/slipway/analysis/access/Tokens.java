package dev.slipway.analysis.access;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.slipway.analysis.StartFailure;
import dev.slipway.analysis.access.RefusedTokenException.Reason;
import dev.slipway.analysis.access.RefusedTokenException.SilentException;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.annotation.Profile;
import org.springframework.core.env.Environment;
import org.springframework.core.env.Profiles;
import org.springframework.core.task.TaskExecutor;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.authentication.AuthenticationManager;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.oauth2.core.DefaultOAuth2AuthenticatedPrincipal;
import org.springframework.security.oauth2.core.OAuth2AuthenticatedPrincipal;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtDecoderInitializationException;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.authentication.OpaqueTokenAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.introspection.OpaqueTokenIntrospector;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Says whose a token is. The database is asked once in {@link #REMEMBERED} for one, so that a revocation holds soon in every replica. One that
 * was good lately is asked for even where its address has failed too often.
 */
@Component
@Profile("web | worker")
public class Tokens implements OpaqueTokenIntrospector {

    static final Duration REMEMBERED = Duration.ofSeconds(4);

    private static final Logger log = LoggerFactory.getLogger(Tokens.class);

    private final Access.Properties properties;
    private final JdbcClient jdbc;
    private final TransactionTemplate transaction;
    private final TaskExecutor executor;
    private final FailedTries tries;
    private final AuthenticationManager ours;
    private final @Nullable AuthenticationManager theirs;
    private final Map<ByteBuffer, OAuth2AuthenticatedPrincipal> configured = new HashMap<>();
    private final Cache<ByteBuffer, Known> known =
            Caffeine.newBuilder().expireAfterAccess(Duration.ofHours(1)).maximumSize(10_000).build();

    /** @param asked by {@link System#nanoTime} */
    private record Known(OAuth2AuthenticatedPrincipal subject, long asked) {}

    private record Row(String name, String scopes, boolean expired, boolean revoked, boolean unused) {}

    /** @throws StartFailure if a configured token is unfit */
    Tokens(
            Access.Properties properties, JdbcClient jdbc, PlatformTransactionManager transactions, TaskExecutor executor, FailedTries tries,
            ObjectProvider<JwtDecoder> issuer, ObjectProvider<JwtAuthenticationConverter> converter, Environment environment) {
        this.properties = properties;
        this.jdbc = jdbc;
        this.transaction = new TransactionTemplate(transactions);
        this.executor = executor;
        this.tries = tries;
        OpaqueTokenAuthenticationProvider provider = new OpaqueTokenAuthenticationProvider(this);
        provider.setAuthenticationConverter((token, subject) ->
                UsernamePasswordAuthenticationToken.authenticated(subject, null, subject.getAuthorities())); // Nobody needs the token again.
        this.ours = provider::authenticate;
        JwtDecoder decoder = issuer.getIfAvailable();
        this.theirs = decoder == null ? null : jwts(decoder, converter.getIfAvailable());
        properties.tokens().forEach((subject, token) -> {
            if (token.token() != null) {
                check(subject, token.token(), environment.acceptsProfiles(Profiles.of("production")));
                configured.put(ByteBuffer.wrap(Token.sha256(token.token())), principal(subject, token.scopes()));
            }
        });
    }

    /**
     * Says who somebody is, by this project's token or an issuer's: what has dots, which no token of this project's has.
     *
     * @param token a {@link BearerTokenAuthenticationToken}, wherever it was found
     * @throws AuthenticationException if it lets nobody in; {@link Access#refusal} says why
     */
    public Authentication authenticate(Authentication token) throws AuthenticationException {
        boolean jwt = ((BearerTokenAuthenticationToken) token).getToken().contains(".");
        return (jwt && theirs != null ? theirs : ours).authenticate(token);
    }

    /** @throws AuthenticationException if a token stands in the query, whatever else the request has */
    public static void refuseInQuery(HttpServletRequest request) throws AuthenticationException {
        if (Token.isInQuery(request.getQueryString())) {
            throw new RefusedTokenException(Reason.LEAKED);
        }
    }

    private static AuthenticationManager jwts(JwtDecoder decoder, @Nullable JwtAuthenticationConverter converter) {
        JwtAuthenticationProvider provider = new JwtAuthenticationProvider(decoder);
        if (converter != null) {
            provider.setJwtAuthenticationConverter(converter);
        }
        return token -> {
            try {
                return provider.authenticate(token);
            } catch (OAuth2AuthenticationException e) {
                throw new RefusedTokenException(Reason.INVALID);
            } catch (AuthenticationServiceException | JwtDecoderInitializationException e) {
                log.error("The identity provider does not answer", e);
                ErrorResponseException silent = new ErrorResponseException(HttpStatus.SERVICE_UNAVAILABLE);
                silent.setDetail("The identity provider does not answer: try again in a moment.");
                silent.getHeaders().set(HttpHeaders.RETRY_AFTER, "1");
                throw new SilentException(silent);
            }
        };
    }

    @Override
    public OAuth2AuthenticatedPrincipal introspect(String token) {
        byte[] hash = Token.sha256(token);
        ByteBuffer key = ByteBuffer.wrap(hash);
        OAuth2AuthenticatedPrincipal subject = configured.get(key);
        return subject != null ? subject : subjectOf(token, key, hash);
    }

    private OAuth2AuthenticatedPrincipal subjectOf(String token, ByteBuffer key, byte[] hash) {
        Known before = known.getIfPresent(key);
        if (before == null) {
            Reason flaw = Token.flaw(token, properties.prefix());
            if (flaw != null) {
                throw new RefusedTokenException(flaw);
            }
            tries.refuseIfTooMany();
        } else if (System.nanoTime() - before.asked < REMEMBERED.toNanos()) {
            return before.subject;
        }
        try {
            OAuth2AuthenticatedPrincipal subject = ask(hash);
            known.put(key, new Known(subject, System.nanoTime()));
            return subject;
        } catch (RefusedTokenException e) {
            known.invalidate(key);
            throw e;
        }
    }

    private OAuth2AuthenticatedPrincipal ask(byte[] hash) {
        Row row;
        try {
            row = jdbc.sql("""
                            SELECT name, scopes, expires_at <= UTC_TIMESTAMP(6) AS expired, revoked_at IS NOT NULL AS revoked,
                                COALESCE(last_used_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, TRUE) AS unused
                            FROM access_token WHERE hash = :hash
                            """)
                    .param("hash", hash).query(Row.class).optional()
                    .orElseThrow(() -> new RefusedTokenException(Reason.UNKNOWN));
        } catch (DataAccessException e) {
            throw new SilentException(e);
        }
        if (row.revoked || row.expired) {
            Reason reason = row.revoked ? Reason.REVOKED : Reason.EXPIRED;
            log.warn("The token {} is {}", row.name, reason);
            throw new RefusedTokenException(reason);
        }
        if (row.unused) {
            executor.execute(() -> noteUse(hash));
        }
        return principal(row.name, List.of(row.scopes.split(" ")));
    }

    /** Beside the request, which a database that takes no writes does not keep from being served. */
    private void noteUse(byte[] hash) {
        try {
            transaction.executeWithoutResult(status -> jdbc.sql("""
                            UPDATE access_token SET last_used_at = UTC_TIMESTAMP(6)
                            WHERE hash = :hash AND COALESCE(last_used_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, TRUE)
                            """)
                    .param("hash", hash).update());
        } catch (RuntimeException e) {
            log.debug("The use of a token is not noted", e);
        }
    }

    private void check(String subject, String token, boolean production) {
        String name = "access.tokens." + subject + ".token";
        if (Token.flaw(token, properties.prefix()) != null) {
            throw new StartFailure("The secret " + name + " is no token of this project.", "Run bash scripts/secrets.sh, which makes what is missing.");
        }
        if (production && Token.isKnownToEverybody(token)) {
            throw new StartFailure("The secret " + name + " is development's, which everybody knows.", "Take it out of production's secrets.");
        }
    }

    private static OAuth2AuthenticatedPrincipal principal(String subject, Collection<String> scopes) {
        Set<GrantedAuthority> authorities = new LinkedHashSet<>();
        scopes.forEach(scope -> authorities.add(new SimpleGrantedAuthority("SCOPE_" + scope)));
        return new DefaultOAuth2AuthenticatedPrincipal(subject, Map.of("sub", subject), authorities);
    }

    /**
     * How many tokens that let nobody in an address sent within a minute. Beyond the limit none that is unknown is looked up for it, while
     * whoever shares the address with a token that is known goes on.
     */
    @Component
    static class FailedTries {

        private final int most;
        private final Cache<String, AtomicInteger> tries = Caffeine.newBuilder().expireAfterWrite(Duration.ofMinutes(1)).maximumSize(100_000).build();

        FailedTries(Access.Properties properties) {
            this.most = properties.failedTries();
        }

        /** @throws RefusedTokenException if the address of the present request has failed too often */
        void refuseIfTooMany() {
            AtomicInteger failed = tries.getIfPresent(address());
            if (failed != null && failed.get() >= most) {
                throw new RefusedTokenException(Reason.TRIES);
            }
        }

        void note() {
            tries.get(address(), address -> new AtomicInteger()).incrementAndGet();
        }

        private static String address() {
            return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes attributes
                    ? attributes.getRequest().getRemoteAddr() : "";
        }
    }
}
