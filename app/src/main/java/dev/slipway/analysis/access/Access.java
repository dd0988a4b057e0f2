package dev.slipway.analysis.access;

import dev.slipway.analysis.access.RefusedTokenException.Reason;
import dev.slipway.analysis.access.RefusedTokenException.SilentException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.security.SecurityRequirement;
import io.swagger.v3.oas.models.security.SecurityScheme;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.URI;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.security.autoconfigure.actuate.web.servlet.EndpointRequest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.annotation.Profile;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;
import org.springframework.core.env.Profiles;
import org.springframework.expression.spel.SpelCompilerMode;
import org.springframework.expression.spel.SpelParserConfiguration;
import org.springframework.expression.spel.standard.SpelExpressionParser;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.access.expression.method.DefaultMethodSecurityExpressionHandler;
import org.springframework.security.access.expression.method.MethodSecurityExpressionHandler;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.config.observation.SecurityObservationSettings;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.server.resource.web.BearerTokenResolver;
import org.springframework.security.oauth2.server.resource.web.DefaultBearerTokenResolver;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.firewall.FirewalledRequest;
import org.springframework.security.web.firewall.HttpFirewall;
import org.springframework.stereotype.Controller;
import org.springframework.util.unit.DataSize;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** Who may: nobody, but where a controller's method says by {@link PreAuthorize} what it asks for. */
@Configuration(proxyBeanMethods = false)
@EnableMethodSecurity
@Profile("web | worker")
public class Access implements WebMvcConfigurer {

    private static final Logger log = LoggerFactory.getLogger(Access.class);
    private static final List<String> DOCUMENT = List.of("/api/openapi", "/api/docs", "/api/swagger-ui");

    private final MeterRegistry meters;
    private final Tokens.FailedTries tries;
    private final HandlerExceptionResolver resolver;

    /**
     * Who may, beside those whom the database knows.
     *
     * @param prefix what this project's tokens begin with
     * @param failedTries tokens that let nobody in, of one address in a minute, after which it waits
     * @param maxRows how many rows one subject may keep
     * @param maxSize how much of one subject's may wait for the workers
     * @param tokens those that come from a secret, by their subject
     */
    @ConfigurationProperties("access")
    record Properties(String prefix, int failedTries, long maxRows, DataSize maxSize, @DefaultValue Map<String, Configured> tokens) {

        /** @param token null where no secret is mounted: then there is none */
        record Configured(@Nullable String token, @DefaultValue List<String> scopes) {}
    }

    /** The resolver, which answers as for a controller, is itself made of what this configures: hence lazy. */
    Access(MeterRegistry meters, Tokens.FailedTries tries, @Lazy @Qualifier("handlerExceptionResolver") HandlerExceptionResolver resolver) {
        this.meters = meters;
        this.tries = tries;
        this.resolver = resolver;
        for (Reason reason : Reason.values()) {
            refused(reason); // From 0 on, so that the first one is an increase.
        }
    }

    /** Calls of the API have a chain of their own, the first, with nothing to compare their path with. */
    @Bean
    @Order(0)
    SecurityFilterChain calls(HttpSecurity http, Tokens tokens) throws Exception {
        http.securityMatcher(request -> request.getServletPath().startsWith("/api/") && !isDocument(request));
        return byToken(http, tokens).authorizeHttpRequests(requests -> requests.anyRequest().authenticated()).build();
    }

    @Bean
    SecurityFilterChain allElse(HttpSecurity http, Tokens tokens, Environment environment) throws Exception {
        boolean production = environment.acceptsProfiles(Profiles.of("production"));
        return byToken(http, tokens)
                .authorizeHttpRequests(requests -> requests
                        .dispatcherTypeMatchers(DispatcherType.ERROR).permitAll()
                        .requestMatchers(EndpointRequest.toAnyEndpoint()).permitAll() // On a port of their own.
                        .requestMatchers("/livez", "/readyz").permitAll()
                        .requestMatchers(request -> isDocument(request) && !production).permitAll()
                        .anyRequest().authenticated())
                .build();
    }

    private static boolean isDocument(HttpServletRequest request) {
        String path = request.getServletPath();
        for (String document : DOCUMENT) {
            if (path.startsWith(document) && (path.length() == document.length() || path.charAt(document.length()) == '/')) {
                return true;
            }
        }
        return false;
    }

    private HttpSecurity byToken(HttpSecurity http, Tokens tokens) throws Exception {
        return http
                .oauth2ResourceServer(server -> server
                        .authenticationManagerResolver(request -> tokens::authenticate)
                        .bearerTokenResolver(resolver())
                        .authenticationEntryPoint(this::refuse)
                        .accessDeniedHandler(this::deny))
                .exceptionHandling(handling -> handling.authenticationEntryPoint(this::refuse).accessDeniedHandler(this::deny))
                .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
                .csrf(AbstractHttpConfigurer::disable) // No cookie says who somebody is.
                .headers(AbstractHttpConfigurer::disable) // The gateway sets them.
                .logout(AbstractHttpConfigurer::disable)
                .requestCache(AbstractHttpConfigurer::disable);
    }

    /** As Tomcat reads a request: what cannot be read is refused already, and nobody is let in by how a path is written. */
    @Bean
    static HttpFirewall none() {
        return new HttpFirewall() {
            @Override
            public FirewalledRequest getFirewalledRequest(HttpServletRequest request) {
                return new FirewalledRequest(request) {
                    @Override
                    public void reset() {}
                };
            }

            @Override
            public HttpServletResponse getFirewalledResponse(HttpServletResponse response) {
                return response;
            }
        };
    }

    /** What a method asks for is compiled, after so many calls. */
    @Bean
    static MethodSecurityExpressionHandler compiled() {
        DefaultMethodSecurityExpressionHandler handler = new DefaultMethodSecurityExpressionHandler();
        handler.setExpressionParser(new SpelExpressionParser(new SpelParserConfiguration(SpelCompilerMode.MIXED, null)));
        return handler;
    }

    /** A span for each filter of each request would cost more than the request's own. */
    @Bean
    static SecurityObservationSettings nothingObserved() {
        return SecurityObservationSettings.noObservations();
    }

    /** The API's document says it: before the customizer that gives every refusal the form of a problem. */
    @Bean
    @Order(0)
    static OpenApiCustomizer token() {
        return api -> {
            api.getComponents().addSecuritySchemes("token", new SecurityScheme().type(SecurityScheme.Type.HTTP).scheme("bearer"));
            api.addSecurityItem(new SecurityRequirement().addList("token"));
            api.getPaths().values().stream().flatMap(path -> path.readOperations().stream()).forEach(operation -> operation.getResponses()
                    .addApiResponse("401", new ApiResponse().description("A valid token is missing"))
                    .addApiResponse("403", new ApiResponse().description("The token does not have the scope that this asks for"))
                    .addApiResponse("429", new ApiResponse().description("Too many requests, or too much is kept: see Retry-After")));
        };
    }

    private static BearerTokenResolver resolver() {
        BearerTokenResolver standard = new DefaultBearerTokenResolver();
        return request -> {
            Tokens.refuseInQuery(request);
            if (Collections.list(request.getHeaders(HttpHeaders.AUTHORIZATION)).size() > 1) {
                throw new RefusedTokenException(Reason.DOUBLED);
            }
            return standard.resolve(request);
        };
    }

    /** A controller that does not say what it asks for is closed. */
    @Override
    public void addInterceptors(InterceptorRegistry registry) {
        registry.addInterceptor(new HandlerInterceptor() {
            @Override
            public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler) {
                if (handler instanceof HandlerMethod method && request.getDispatcherType() == DispatcherType.REQUEST
                        && !says(method) && !isDocument(request)) {
                    throw new AccessDeniedException(method + " has no @PreAuthorize");
                }
                return true;
            }
        }).excludePathPatterns("/error").order(Ordered.LOWEST_PRECEDENCE);
    }

    private static boolean says(HandlerMethod method) {
        Class<?> type = method.getBeanType();
        return method.hasMethodAnnotation(PreAuthorize.class)
                || AnnotatedElementUtils.hasAnnotation(type, PreAuthorize.class)
                || !AnnotatedElementUtils.hasAnnotation(type, Controller.class); // Spring's answer to OPTIONS, and the probes.
    }

    private void refuse(HttpServletRequest request, HttpServletResponse response, AuthenticationException e) {
        resolver.resolveException(request, response, null, refusal(e).answer);
    }

    private void deny(HttpServletRequest request, HttpServletResponse response, AccessDeniedException e) {
        resolver.resolveException(request, response, null, denial());
    }

    /**
     * Why somebody is not let in, and what says so to whoever asked.
     *
     * @param reason as the metric calls it; empty if nobody can say whose a token is
     * @param answer what a controller would throw
     */
    public record Refusal(String reason, Exception answer) {}

    /** Counts and logs a refusal. */
    public Refusal refusal(AuthenticationException e) {
        if (e instanceof SilentException silent) {
            return new Refusal("", silent.reason);
        }
        Reason reason = e instanceof RefusedTokenException refused ? refused.reason
                : e instanceof OAuth2AuthenticationException ? Reason.MALFORMED : Reason.MISSING;
        if (reason != Reason.MISSING && reason != Reason.TRIES) {
            tries.note();
        }
        return new Refusal(reason.toString(), reason == Reason.TRIES
                ? problem(reason, HttpStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", HttpHeaders.RETRY_AFTER, "60")
                : problem(reason, HttpStatus.UNAUTHORIZED, "unauthenticated", "A valid token is missing",
                        HttpHeaders.WWW_AUTHENTICATE, reason == Reason.MISSING ? "Bearer" : "Bearer error=\"invalid_token\""));
    }

    /** Counts and logs that a token does not allow something. */
    public ErrorResponseException denial() {
        return problem(Reason.SCOPE, HttpStatus.FORBIDDEN, "forbidden", "The token does not allow this",
                HttpHeaders.WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\"");
    }

    private Counter refused(Reason reason) {
        return Counter.builder("access.refused").description("Requests refused, by reason").tag("reason", reason.toString()).register(meters);
    }

    private ErrorResponseException problem(Reason reason, HttpStatus status, String type, String title, String header, String value) {
        refused(reason).increment();
        Authentication who = SecurityContextHolder.getContext().getAuthentication();
        log.info("Refused, {}: {}", reason, who == null || who instanceof AnonymousAuthenticationToken ? "nobody known" : who.getName());
        ErrorResponseException problem = new ErrorResponseException(status);
        problem.setType(URI.create("urn:problem-type:" + type));
        problem.setTitle(title);
        problem.setDetail(reason.detail);
        problem.getHeaders().set(header, value);
        return problem;
    }

    /** What a method denies is answered where all else is denied, and is no unexpected error. */
    @RestControllerAdvice
    @Order(Ordered.HIGHEST_PRECEDENCE)
    static class Denied {

        @ExceptionHandler
        void passOn(AccessDeniedException e) {
            throw e;
        }
    }
}
