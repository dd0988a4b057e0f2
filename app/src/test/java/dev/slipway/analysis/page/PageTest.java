package dev.slipway.analysis.page;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;

@ServiceTest
public class PageTest {

    private static final String[] PART = {"HX-Request", "true"};

    @Autowired
    Api api;

    @Value("${access.tokens.development.token}")
    String token;

    @Value("${access.tokens.other.token}")
    String other;

    Browser browser;

    /** Keeps cookies, and sends a form with the hidden field that the last page had; follows no redirect. */
    public static class Browser {

        private static final Pattern CSRF = Pattern.compile("name=\"_csrf\" value=\"([^\"]+)\"");

        public final Map<String, String> cookies = new HashMap<>();
        private final String url;
        private String csrf = "";

        public Browser(Api api) {
            this.url = api.url();
        }

        public Browser signIn(String token) throws Exception {
            get("/page/sign-in");
            assertThat(post("/page/sign-in", Map.of("token", token)).statusCode()).isEqualTo(303);
            return this;
        }

        public HttpResponse<String> get(String path, String... headers) throws Exception {
            return send("GET", path, "", headers);
        }

        public HttpResponse<String> post(String path, Map<String, String> form, String... headers) throws Exception {
            Map<String, String> fields = new HashMap<>(form);
            fields.putIfAbsent("_csrf", csrf);
            return send("POST", path, fields.entrySet().stream()
                    .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), StandardCharsets.UTF_8))
                    .collect(Collectors.joining("&")), headers);
        }

        public HttpResponse<String> delete(String path) throws Exception {
            return send("DELETE", path, "", "HX-Request", "true", "X-XSRF-TOKEN", csrf);
        }

        private HttpResponse<String> send(String method, String path, String body, String... headers) throws Exception {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path))
                    .method(method, HttpRequest.BodyPublishers.ofString(body))
                    .header("Accept", "text/html")
                    .header("Content-Type", "application/x-www-form-urlencoded");
            if (!cookies.isEmpty()) {
                request.header("Cookie", cookies.entrySet().stream().map(Map.Entry::toString).collect(Collectors.joining("; ")));
            }
            if (headers.length > 0) {
                request.headers(headers);
            }
            HttpResponse<String> answer = HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
            set(answer).forEach(cookie -> {
                String[] pair = cookie.split(";")[0].split("=", 2);
                if (cookie.contains("Max-Age=0")) {
                    cookies.remove(pair[0]);
                } else {
                    cookies.put(pair[0], pair[1]);
                }
            });
            Matcher field = CSRF.matcher(answer.body());
            csrf = field.find() ? field.group(1) : csrf;
            return answer;
        }

        static List<String> set(HttpResponse<?> answer) {
            return answer.headers().allValues("Set-Cookie");
        }
    }

    @BeforeEach
    void open() {
        browser = new Browser(api);
    }

    @Test
    void aStrangerIsLedToTheSignInWhichSaysHowToGetAToken() throws Exception {
        assertLeadsTo("/page/sign-in", browser.get("/"));
        assertLeadsTo("/page/sign-in", browser.get("/page/service"));

        var signIn = browser.get("/page/sign-in");

        assertThat(signIn.statusCode()).isEqualTo(200);
        assertThat(signIn.headers().firstValue("Cache-Control")).hasValue("no-store");
        assertThat(signIn.body()).contains("scripts/token.sh create", "secrets/dev/api_token.txt");
        assertThat(signIn.body()).doesNotContain("style=", "onclick=", "<script>");
    }

    @Test
    void theTokenIsInACookieThatNoScriptCanReadAndThereIsNoSession() throws Exception {
        browser.get("/page/sign-in");

        var answer = browser.post("/page/sign-in", Map.of("token", " " + token + "\n"));

        assertThat(Browser.set(answer)).singleElement().asString().startsWith("__Host-token=" + token)
                .contains("HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=1800");
        assertThat(browser.get("/").statusCode()).isEqualTo(303);
        assertThat(browser.get("/page/service").body()).contains(">Sign out<", ">Service<").doesNotContain(token);
        assertThat(browser.cookies).containsOnlyKeys("__Host-token", "__Host-csrf");
    }

    @Test
    void aTokenThatLetsNobodyInIsToldWhy() throws Exception {
        browser.get("/page/sign-in");

        var answer = browser.post("/page/sign-in", Map.of("token", token.substring(1)));

        assertThat(answer.statusCode()).isEqualTo(401);
        assertThat(answer.body()).contains("role=\"alert\"", "Request " + answer.headers().firstValue("X-Request-ID").orElseThrow())
                .containsPattern("another project|a character of it is wrong");
        assertThat(browser.cookies).doesNotContainKey("__Host-token");
    }

    @Test
    void aTokenThatHasEndedLeadsToTheSignInAndItsCookieGoes() throws Exception {
        browser.cookies.put("__Host-token", token.substring(1));

        var part = browser.get("/page/service", PART);

        assertThat(part.statusCode()).isEqualTo(401);
        assertThat(part.headers().firstValue("HX-Redirect").orElseThrow()).startsWith("/page/sign-in?why=");
        assertThat(browser.cookies).doesNotContainKey("__Host-token");
        assertThat(browser.get("/page/service", PART).headers().firstValue("HX-Redirect")).hasValue("/page/sign-in?why=idle");
        assertThat(browser.get("/page/sign-in?why=revoked").body()).contains("Your token was revoked.");
    }

    @Test
    void aTokenInTheAddressIsRefused() throws Exception {
        browser.signIn(token);

        for (String path : new String[] {"/", "/page/sign-in", "/page/service"}) {
            assertLeadsTo("/page/sign-in?why=leaked", browser.get(path + "?access_token=" + token));
        }
        assertThat(browser.get("/page/sign-in?why=leaked").body()).contains("have it revoked");
    }

    @Test
    void whatAPersonDoesPutsTheIdleEndOffAndPollingDoesNot() throws Exception {
        browser.signIn(token);

        assertThat(Browser.set(browser.get("/page/service"))).anyMatch(cookie -> cookie.startsWith("__Host-token="));
        assertThat(Browser.set(browser.get("/page/service", "X-Polling", "true"))).noneMatch(cookie -> cookie.startsWith("__Host-token="));
    }

    @Test
    void signingOutEndsTheCookie() throws Exception {
        browser.signIn(token).get("/page/service");

        assertLeadsTo("/page/sign-in?why=signed-out", browser.post("/page/sign-out", Map.of()));

        assertThat(browser.cookies).doesNotContainKey("__Host-token");
        assertLeadsTo("/page/sign-in", browser.get("/page/service"));
        assertThat(browser.get("/page/sign-in?why=signed-out").body()).contains("role=\"status\">You are signed out.");
    }

    @Test
    void aFormWithoutItsTokenIsRefused() throws Exception {
        browser.signIn(token);
        for (String path : new String[] {"/page/sign-in", "/page/sign-out"}) {
            var answer = browser.post(path, Map.of("_csrf", "another's"));

            assertThat(answer.statusCode()).isEqualTo(403);
            assertThat(answer.body()).contains("<html", "The form is too old");
        }
        assertThat(browser.cookies).containsKey("__Host-token");
    }

    @Test
    void aFormThatCannotBeReadIsRefused() throws Exception {
        browser.get("/page/sign-in");

        assertThat(browser.send("POST", "/page/sign-in", "token=%").statusCode()).isEqualTo(400);
        assertThat(browser.post("/page/sign-in", Map.of("token", "x".repeat(20_000))).body()).contains("The form is longer than is accepted");
    }

    @Test
    void anErrorIsAPageForABrowserAndAProblemForAPartOfOne() throws Exception {
        browser.signIn(token);

        var page = browser.get("/page/none");
        var part = browser.get("/page/none", PART);

        assertThat(page.statusCode()).isEqualTo(404);
        assertThat(page.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/html");
        assertThat(page.body()).contains("There is nothing here", page.headers().firstValue("X-Request-ID").orElseThrow());
        assertThat(part.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(browser.get("/api/none").headers().firstValue("Content-Type")).hasValue("application/problem+json");
    }

    @Test
    void theStateOfTheServiceIsForTheScopeThatTheSettingsName() throws Exception {
        assertThat(browser.signIn(token).get("/page/service").body()).contains("<dt>Version</dt>");
        assertThat(new Browser(api).signIn(other).get("/page/service").statusCode()).isEqualTo(403);
    }

    @Test
    void itsFilesAreKeptUnderNamesThatChangeWithThem() throws Exception {
        List<String> files = Pattern.compile("(?:src|href)=\"(/page/[^\"]+\\.(?:js|css))\"")
                .matcher(browser.get("/page/sign-in").body()).results().map(found -> found.group(1)).toList();

        assertThat(files).hasSize(3);
        for (String file : files) {
            var answer = browser.get(file);
            assertThat(file).matches(".*-[0-9a-f]{32}\\.(js|css)");
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("Cache-Control").orElseThrow()).contains("max-age=31536000");
        }
    }

    private static void assertLeadsTo(String path, HttpResponse<?> answer) {
        assertThat(answer.statusCode()).isEqualTo(303);
        assertThat(answer.headers().firstValue("Location")).hasValue(path);
    }
}
