package dev.slipway.analysis.page;

import dev.slipway.analysis.access.Access;
import dev.slipway.analysis.access.Tokens;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.annotation.Profile;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.support.PropertiesLoaderUtils;
import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseCookie;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.AuthenticationFilter;
import org.springframework.security.web.authentication.session.NullAuthenticatedSessionStrategy;
import org.springframework.security.web.csrf.CookieCsrfTokenRepository;
import org.springframework.security.web.csrf.CsrfException;
import org.springframework.security.web.csrf.CsrfFilter;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.security.web.util.matcher.OrRequestMatcher;
import org.springframework.security.web.util.matcher.RequestMatcher;
import org.springframework.ui.Model;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.config.annotation.ResourceHandlerRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import org.springframework.web.servlet.resource.ResourceUrlProvider;
import org.springframework.web.servlet.resource.VersionResourceResolver;
import org.springframework.web.util.WebUtils;

/**
 * The pages for a browser, {@code /} and {@code /page/}: who may see them, and what they have in common. The token is in a cookie that no script
 * can read, and is looked at anew for each request, under the same rules as the API's.
 */
@Configuration(value = "pages", proxyBeanMethods = false)
@Profile("web")
public class Pages implements WebMvcConfigurer {

    static final String SIGN_IN = "/page/sign-in";

    private static final String COOKIE = "__Host-token";
    private static final String FILES = "/page/*.{type:css|js}";
    private static final RequestMatcher OPEN = new OrRequestMatcher(matcher(SIGN_IN), matcher(FILES));
    private static final RequestMatcher SIGNING_OUT = matcher("/page/sign-out");

    private final Access access;
    private final Tokens tokens;
    private final Duration idle;
    private final List<Entry> entries;
    private final ObjectProvider<ResourceUrlProvider> files;
    private final HandlerExceptionResolver resolver;

    /**
     * A line of the navigation: one bean of it a page, in the order that {@link Order} says. The first that somebody may see is where
     * {@code /} leads.
     *
     * @param scope who sees it
     */
    public record Entry(String title, String path, String scope) {}

    /** What the domain tells of its state on the service's page, by name. */
    public interface State {

        Map<String, Object> now();
    }

    Pages(
            Access access, @Lazy Tokens tokens, @Value("${page.idle}") Duration idle, ObjectProvider<Entry> entries,
            ObjectProvider<ResourceUrlProvider> files, @Lazy @Qualifier("handlerExceptionResolver") HandlerExceptionResolver resolver) {
        this.access = access;
        this.tokens = tokens;
        this.idle = idle;
        this.entries = entries.orderedStream().toList();
        this.files = files;
        this.resolver = resolver;
    }

    @Bean
    @Order(1)
    SecurityFilterChain visitors(HttpSecurity http) throws Exception {
        AuthenticationFilter visitor = new AuthenticationFilter(tokens::authenticate, request -> {
            Tokens.refuseInQuery(request);
            Cookie cookie = OPEN.matches(request) ? null : WebUtils.getCookie(request, COOKIE);
            return cookie == null ? null : new BearerTokenAuthenticationToken(cookie.getValue());
        });
        visitor.setSuccessHandler((request, response, who) -> stay(request, response));
        visitor.setFailureHandler(this::turnAway);
        CookieCsrfTokenRepository csrfTokens = new CookieCsrfTokenRepository();
        csrfTokens.setCookieName("__Host-csrf");
        csrfTokens.setCookieCustomizer(cookie -> cookie.httpOnly(true).secure(true).sameSite("Strict").path("/"));
        return http
                .securityMatcher("/", "/page/**")
                .authorizeHttpRequests(requests -> requests.requestMatchers(OPEN).permitAll().anyRequest().authenticated())
                .addFilterBefore(visitor, CsrfFilter.class)
                .addFilterBefore(new Forms(resolver), CsrfFilter.class)
                .csrf(csrf -> csrf.csrfTokenRepository(csrfTokens)
                        .sessionAuthenticationStrategy(new NullAuthenticatedSessionStrategy())) // Or each request would end the form's token.
                .exceptionHandling(handling -> handling.authenticationEntryPoint(this::sendToSignIn).accessDeniedHandler(this::deny))
                .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
                .headers(AbstractHttpConfigurer::disable) // The gateway sets them.
                .logout(AbstractHttpConfigurer::disable)
                .requestCache(AbstractHttpConfigurer::disable)
                .build();
    }

    private static RequestMatcher matcher(String path) {
        return PathPatternRequestMatcher.withDefaults().matcher(path);
    }

    /** Whether a request is one of htmx, which shows a part of a page, and not one that shows a whole page. */
    public static boolean isPart(HttpServletRequest request) {
        return request.getHeader("HX-Request") != null;
    }

    /** Whether a page asks by itself, and nobody did anything. */
    public static boolean isPolling(HttpServletRequest request) {
        return request.getHeader("X-Polling") != null;
    }

    /**
     * A page: what a fragment of a template has goes into the frame that all have.
     *
     * @return the view's name
     */
    public static String show(Model model, String title, String template, String part) {
        model.addAttribute("title", title).addAttribute("template", template).addAttribute("part", part);
        return "page";
    }

    void signIn(HttpServletResponse response, String token) {
        response.addHeader(HttpHeaders.SET_COOKIE, cookie(token, idle));
    }

    void signOut(HttpServletResponse response) {
        response.addHeader(HttpHeaders.SET_COOKIE, cookie("", Duration.ZERO));
    }

    private static String cookie(String value, Duration age) {
        return ResponseCookie.from(COOKIE, value).httpOnly(true).secure(true).sameSite("Strict").path("/").maxAge(age).build().toString();
    }

    /** What a person does puts the idle end off. */
    private void stay(HttpServletRequest request, HttpServletResponse response) {
        if (!isPolling(request) && !SIGNING_OUT.matches(request)) {
            signIn(response, WebUtils.getCookie(request, COOKIE).getValue());
        }
    }

    /** A token lets nobody in, or no longer. */
    private void turnAway(HttpServletRequest request, HttpServletResponse response, AuthenticationException e) throws IOException {
        Access.Refusal refusal = access.refusal(e);
        if (refusal.answer() instanceof ErrorResponseException problem && problem.getStatusCode().isSameCodeAs(HttpStatus.UNAUTHORIZED)) {
            signOut(response);
            redirect(request, response, SIGN_IN + "?why=" + refusal.reason());
        } else {
            resolver.resolveException(request, response, null, refusal.answer());
        }
    }

    /** Who comes from a page of ours was signed in a while ago. */
    private void sendToSignIn(HttpServletRequest request, HttpServletResponse response, AuthenticationException e) throws IOException {
        boolean was = isPart(request) || "same-origin".equals(request.getHeader("Sec-Fetch-Site"));
        redirect(request, response, was ? SIGN_IN + "?why=idle" : SIGN_IN);
    }

    private static void redirect(HttpServletRequest request, HttpServletResponse response, String path) {
        if (isPart(request)) {
            response.setStatus(HttpStatus.UNAUTHORIZED.value());
            response.setHeader("HX-Redirect", path);
        } else {
            response.setStatus(HttpStatus.SEE_OTHER.value());
            response.setHeader(HttpHeaders.LOCATION, path);
        }
    }

    private void deny(HttpServletRequest request, HttpServletResponse response, AccessDeniedException e) {
        ErrorResponseException denial;
        if (e instanceof CsrfException) {
            denial = new ErrorResponseException(HttpStatus.FORBIDDEN);
            denial.setType(URI.create("urn:problem-type:form-refused"));
            denial.setTitle("The form cannot be taken");
            denial.setDetail("The form is too old, or was not this page's: reload it and send it again.");
        } else {
            denial = access.denial();
        }
        resolver.resolveException(request, response, null, denial);
    }

    /** Whoever is signed in; null if nobody is. For the template, as the next one. */
    public @Nullable String visitor() {
        Authentication who = SecurityContextHolder.getContext().getAuthentication();
        return who == null || who instanceof AnonymousAuthenticationToken ? null : who.getName();
    }

    /** What that one may see. */
    public List<Entry> entries() {
        return entries.stream().filter(entry -> may(entry.scope)).toList();
    }

    /** Whether whoever is signed in has a scope. */
    public static boolean may(String scope) {
        Authentication who = SecurityContextHolder.getContext().getAuthentication();
        return who != null && who.getAuthorities().stream().anyMatch(authority -> authority.getAuthority().equals("SCOPE_" + scope));
    }

    /** The path of a file of a page, with a version of its content in it. For the template. */
    public @Nullable String file(String name) {
        return files.getObject().getForLookupPath("/page/" + name);
    }

    /** The page's own files, and htmx of its WebJar. */
    @Override
    public void addResourceHandlers(ResourceHandlerRegistry registry) {
        registry.addResourceHandler(FILES)
                .addResourceLocations("classpath:/page/", "classpath:/META-INF/resources/webjars/htmx.org/" + htmxVersion() + "/dist/")
                .setCacheControl(CacheControl.maxAge(Duration.ofDays(365)).cachePublic())
                .resourceChain(true)
                .addResolver(new VersionResourceResolver().addContentVersionStrategy("/**"));
    }

    private static @Nullable String htmxVersion() {
        try {
            Properties webJar = PropertiesLoaderUtils.loadProperties(new ClassPathResource("META-INF/maven/org.webjars.npm/htmx.org/pom.properties"));
            return webJar.getProperty("version");
        } catch (IOException e) {
            throw new IllegalStateException(e); // It is on the class path.
        }
    }

    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE)
    static Entry service(@Value("${page.service-scope}") String scope) {
        return new Entry("Service", "/page/service", scope);
    }
}
