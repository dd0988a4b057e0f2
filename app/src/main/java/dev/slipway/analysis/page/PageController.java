package dev.slipway.analysis.page;

import dev.slipway.analysis.access.Access;
import dev.slipway.analysis.access.Tokens;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.info.BuildProperties;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Profile;
import org.springframework.core.MethodParameter;
import org.springframework.core.env.Environment;
import org.springframework.core.env.Profiles;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;
import org.thymeleaf.context.Context;
import org.thymeleaf.spring6.SpringTemplateEngine;
import org.thymeleaf.spring6.expression.ThymeleafEvaluationContext;
import org.thymeleaf.spring6.view.ThymeleafViewResolver;

/** Signing in and out, and the state of the service. */
@Controller
@Profile("web")
class PageController {

    /** Why somebody is asked to sign in again. */
    private static final Map<String, String> WHY = Map.of(
            "signed-out", "You are signed out.",
            "idle", "You are no longer signed in: nothing was done here for a while, or you signed out elsewhere.",
            "expired", "Your token has expired.",
            "leaked", "A token stood in the address, where logs and others may read it: have it revoked.",
            "revoked", "Your token was revoked.");

    private final Access access;
    private final Tokens tokens;
    private final Pages pages;
    private final ObjectProvider<Pages.State> states;
    private final MeterRegistry meters;
    private final BuildProperties build;
    private final boolean production;
    private final boolean developmentToken;

    PageController(
            Access access, Tokens tokens, Pages pages, ObjectProvider<Pages.State> states, MeterRegistry meters, BuildProperties build,
            Environment environment, ThymeleafViewResolver views) {
        views.setRedirectHttp10Compatible(false); // 303, after which a browser always sends a GET.
        this.access = access;
        this.tokens = tokens;
        this.pages = pages;
        this.states = states;
        this.meters = meters;
        this.build = build;
        this.production = environment.acceptsProfiles(Profiles.of("production"));
        this.developmentToken = environment.containsProperty("access.tokens.development.token");
    }

    @PreAuthorize("isAuthenticated()")
    @GetMapping("/")
    String first(Model model) {
        List<Pages.Entry> entries = pages.entries();
        if (entries.isEmpty()) {
            return Pages.show(model, "Nothing is here", "page", "nothing");
        }
        return "redirect:" + entries.get(0).path();
    }

    @PreAuthorize("permitAll()")
    @GetMapping(Pages.SIGN_IN)
    String signIn(@RequestParam(required = false) String why, Model model) {
        model.addAttribute("said", why == null ? null : WHY.getOrDefault(why, "Your token is not valid."));
        return signInPage(model);
    }

    @PreAuthorize("permitAll()")
    @PostMapping(Pages.SIGN_IN)
    String signIn(@RequestParam(defaultValue = "") String token, HttpServletResponse response, Model model) throws Exception {
        String trimmed = token.strip();
        try {
            tokens.authenticate(new BearerTokenAuthenticationToken(trimmed.isEmpty() ? "-" : trimmed));
        } catch (AuthenticationException e) {
            if (!(access.refusal(e).answer() instanceof ErrorResponseException problem)) {
                throw (Exception) e.getCause();
            }
            response.setStatus(problem.getStatusCode().value());
            problem.getHeaders().forEach((name, values) -> response.setHeader(name, values.get(0)));
            problem.getBody().setProperty("requestId", response.getHeader("X-Request-ID"));
            model.addAttribute("problem", problem.getBody());
            return signInPage(model);
        }
        pages.signIn(response, trimmed);
        return "redirect:/";
    }

    @PreAuthorize("isAuthenticated()")
    @PostMapping("/page/sign-out")
    String signOut(HttpServletResponse response) {
        pages.signOut(response);
        return "redirect:" + Pages.SIGN_IN + "?why=signed-out";
    }

    private String signInPage(Model model) {
        model.addAttribute("developmentToken", developmentToken && !production);
        return Pages.show(model, "Sign in", "page", "sign-in");
    }

    @PreAuthorize("hasAuthority('SCOPE_' + @environment.getProperty('page.service-scope'))")
    @GetMapping("/page/service")
    String service(Model model) {
        Map<String, Object> figures = new LinkedHashMap<>();
        states.orderedStream().forEach(state -> figures.putAll(state.now()));
        figure(figures, "Oldest waiting, in seconds", meters.find("queue.oldest").timeGauge());
        figure(figures, "Threads that compute in this process", meters.find("worker.threads").gauge());
        figures.put("Version", build.getVersion());
        figures.put("Spring Boot", SpringBootVersion.getVersion());
        figures.put("Java", System.getProperty("java.version"));
        model.addAttribute("figures", figures);
        model.addAttribute("development", !production);
        return Pages.show(model, "Service", "page", "service");
    }

    private static void figure(Map<String, Object> figures, String name, @Nullable Gauge gauge) {
        if (gauge != null) {
            figures.put(name, Double.isNaN(gauge.value()) ? "unknown" : String.valueOf((long) gauge.value()));
        }
    }

    /** A browser that goes to a page gets a problem as one, and a part of a page the problem itself, as clients of the API do. */
    @ControllerAdvice
    @Profile("web")
    static class ProblemPages implements ResponseBodyAdvice<Object> {

        private final ObjectProvider<SpringTemplateEngine> templates;
        private final ThymeleafEvaluationContext beans;

        ProblemPages(ObjectProvider<SpringTemplateEngine> templates, ApplicationContext context) {
            this.templates = templates;
            this.beans = new ThymeleafEvaluationContext(context, null);
        }

        @Override
        public boolean supports(MethodParameter returnType, Class<? extends HttpMessageConverter<?>> converter) {
            return true;
        }

        @Override
        public @Nullable Object beforeBodyWrite(
                @Nullable Object body, MethodParameter returnType, MediaType type, Class<? extends HttpMessageConverter<?>> converter,
                ServerHttpRequest request, ServerHttpResponse response) {
            if (!(body instanceof ProblemDetail problem) || !wantsPage(((ServletServerHttpRequest) request).getServletRequest())) {
                return body;
            }
            Context model = new Context(Locale.ENGLISH, Map.of(
                    "title", String.valueOf(problem.getTitle()), "template", "page", "part", "problem", "problem", problem,
                    ThymeleafEvaluationContext.THYMELEAF_EVALUATION_CONTEXT_CONTEXT_VARIABLE_NAME, beans));
            String page = templates.getObject().process("page", model);
            response.getHeaders().setContentType(new MediaType(MediaType.TEXT_HTML, StandardCharsets.UTF_8));
            try {
                response.getBody().write(page.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return null;
        }

        private static boolean wantsPage(HttpServletRequest request) {
            String path = (String) request.getAttribute(RequestDispatcher.ERROR_REQUEST_URI);
            path = path == null ? request.getRequestURI() : path;
            String accept = request.getHeader("Accept");
            return (path.equals("/") || path.startsWith("/page/")) && !Pages.isPart(request)
                    && accept != null && accept.contains(MediaType.TEXT_HTML_VALUE);
        }
    }
}
