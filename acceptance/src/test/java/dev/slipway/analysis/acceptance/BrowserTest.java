package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.openqa.selenium.support.ui.ExpectedConditions.invisibilityOfElementLocated;
import static org.openqa.selenium.support.ui.ExpectedConditions.not;
import static org.openqa.selenium.support.ui.ExpectedConditions.urlContains;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Cookie;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.WindowType;
import org.openqa.selenium.interactions.Actions;

/** The page as a person has it: in a real browser, by way of nginx. */
@ExtendWith({Docker.class, Browser.Installed.class})
class BrowserTest {

    private static final String[] PERSON = {"analyses:read", "analyses:write", "analyses:delete"};

    @Nested
    class InProductionByTheEdge extends Cases {

        @Override
        Stack start(Path project) throws IOException {
            Stack stack = Stack.production(project).profile("edge").with("APP_CPUS", "1.5").with("WORKER_CPUS", "1.0").with("DB_CPUS", "1.0");
            String production = stack.variable("COMPOSE_FILE");
            stack.with("COMPOSE_FILE", "docker-compose.yml").with("IMAGE", "localhost/" + stack.name());
            stack.compose("build", "--quiet", "app").assertSuccess();
            return stack.with("COMPOSE_FILE", production).with("IMAGE", stack.name()).up();
        }

        @Override
        String url(Stack stack) {
            return "https://localhost:" + stack.variable("EDGE_HTTPS_PORT");
        }
    }

    @Nested
    class InDevelopment extends Cases {

        private static final Set<String> SHORT =
                Set.of("aPersonSignsInSubmitsSeesItDoneDeletesItAndSignsOut", "theApisPageShowsWhatTheApiTakes");

        private final boolean longer = Longer.isOn("BrowserTest.InDevelopment, all but " + SHORT);

        @Override
        Stack start(Path project) throws IOException {
            Project.copy(project);
            return Stack.of("docker-compose.yml", "docker-compose.override.yml").in(project).up();
        }

        @Override
        String url(Stack stack) {
            return "http://localhost:" + stack.httpPort();
        }

        @BeforeEach
        void restOnlyInTheLongerRun(TestInfo test) {
            Assumptions.assumeTrue(longer || SHORT.contains(test.getTestMethod().orElseThrow().getName()));
        }

        @Test
        void theApisPageShowsWhatTheApiTakes() throws Exception {
            browser.open("/api/docs");
            browser.see(".opblock-summary-path", "/api/analyses");
        }
    }

    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    abstract static class Cases {

        private Path project;
        private Stack stack;
        Browser browser;
        private int tokens;

        abstract Stack start(Path project) throws IOException;

        abstract String url(Stack stack);

        @BeforeAll
        void up(@TempDir Path folder) throws IOException {
            project = folder;
            stack = start(project);
            browser = new Browser(url(stack));
        }

        @AfterAll
        void down() throws IOException {
            if (browser != null) {
                browser.close();
            }
            if (stack != null) {
                stack.close();
            }
        }

        @BeforeEach
        void asAStranger() {
            browser.forget();
        }

        @AfterEach
        void theConsoleIsEmpty() {
            assertThat(browser.console()).as("what the browser says on its console").isEmpty();
        }

        @Test
        void aPersonSignsInSubmitsSeesItDoneDeletesItAndSignsOut() throws Exception {
            String token = token(PERSON);
            browser.open("/");
            browser.at("/page/sign-in");
            browser.see("main", "bash scripts/token.sh create");
            look("sign-in");

            browser.fill("#token", token);
            browser.press("Sign in");
            browser.see("#submit");
            look("empty");

            stayOnThisPage();
            submit("weights", "1.5, 2, 3\n4 5");
            browser.see("#analyses", "weights");
            browser.see("#analyses", "Done");
            assertStayed();
            look("analyses");

            browser.follow("weights");
            browser.see("h1", "weights");
            browser.see("dl", "3.1");
            assertThat(browser.see("svg[role=img]").getAccessibleName()).contains("Minimum 1.5", "Median 3", "95 %", "99 %", "Maximum 5");
            look("analysis");
            browser.follow("Back to the analyses");

            browser.press("Delete weights");
            browser.see("#undo", "weights is deleted.");
            browser.seeNo("#analyses", "weights");
            look("deleted");
            browser.press("Undo");
            browser.see("#analyses", "weights");
            assertThat(kept(token)).isEqualTo(1);

            browser.press("Delete weights");
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> kept(token) == 0);
            browser.await(invisibilityOfElementLocated(By.linkText("weights")));
            browser.seeNo("#undo", "weights");

            browser.press("Sign out");
            browser.see("[role=status]", "You are signed out.");
            assertThat(browser.driver().manage().getCookieNamed("__Host-token")).isNull();
            look("signed-out");
            browser.driver().navigate().back();
            browser.await(not(urlContains("signed-out")));
            browser.at("/page/sign-in");
            assertThat(browser.see("main").getText()).startsWith("Sign in");
        }

        @Test
        void theTokenIsInACookieOutOfTheScriptsReachUntilAPersonIsIdle() throws Exception {
            String token = token(PERSON);
            browser.signIn(token);
            browser.see("#submit");

            Cookie cookie = browser.driver().manage().getCookieNamed("__Host-token");
            assertThat(cookie.isHttpOnly() && cookie.isSecure()).isTrue();
            assertThat(cookie.getSameSite()).isEqualTo("Strict");
            assertThat(cookie.getPath()).isEqualTo("/");
            assertThat(cookie.getExpiry().toInstant()).isBetween(Instant.now().plusSeconds(25 * 60), Instant.now().plusSeconds(31 * 60));
            assertThat((String) browser.script("return document.cookie")).doesNotContain("token");
            assertThat(browser.driver().getPageSource().contains(token)).as("the page has the token").isFalse();
        }

        @ParameterizedTest
        @CsvSource({
            "changed, 'a character of it is wrong or missing: copy it again, whole.'",
            "expired, This token has expired.",
            "revoked, This token was revoked."})
        void aTokenThatLetsNobodyInSaysWhy(String how, String sentence) throws Exception {
            String token = token(PERSON);
            if (how.equals("changed")) {
                token = token.replaceAll(".$", token.endsWith("0") ? "1" : "0");
            } else {
                end(how);
            }
            browser.expect("401");

            browser.signIn(token);

            browser.see("[role=alert]", sentence);
            browser.at("/page/sign-in");
            assertThat(browser.driver().manage().getCookieNamed("__Host-token")).isNull();
            if (how.equals("changed")) {
                look("sign-in-refused");
            }
        }

        @ParameterizedTest
        @CsvSource({"expired, Your token has expired.", "revoked, Your token was revoked."})
        void aTokenThatEndsWhileThePageIsOpenLeadsToTheSignIn(String how, String sentence) throws Exception {
            String token = token(PERSON);
            waiting(token, "endless");
            browser.signIn(token);
            browser.see("#analyses", "Running");
            browser.expect("401");

            end(how);

            browser.at("/page/sign-in");
            browser.see("main", sentence);
            if (how.equals("expired")) {
                look("sign-in-again");
            }
        }

        @Test
        void theQueueMovesWithoutReloading() throws Exception {
            String token = token(PERSON);
            waiting(token, "moving");
            browser.signIn(token);
            browser.see("#analyses", "Running");
            look("running");
            stayOnThisPage();

            done("moving");

            browser.see("#analyses", "Done");
            assertStayed();
        }

        @Test
        void aColumnIsPasted() throws Exception {
            browser.signIn(token(PERSON));
            browser.fill("#name", "pasted");
            browser.fill("#values", "1\n2\n3\n");
            browser.see("#values").sendKeys(Keys.chord(Keys.CONTROL, "a"), Keys.chord(Keys.CONTROL, "x"), Keys.chord(Keys.CONTROL, "v"));
            browser.press("Submit");

            browser.see("#analyses", "Done");
            browser.follow("pasted");
            browser.see("dl", "3");
        }

        @Test
        void aFileGoesUpAndSaysHowFarItIs() throws Exception {
            browser.signIn(token(PERSON));
            browser.fill("#name", "file");
            browser.see("#file").sendKeys(csv("1.25\n".repeat(50_000)).toString());
            browser.network(false, 100_000);
            assertThat(browser.driver().findElement(By.cssSelector("progress")).isDisplayed()).isFalse();
            browser.press("Submit");

            browser.see("progress");
            browser.await(seen -> (Boolean) browser.script(
                    "const { value, max } = document.querySelector('progress'); return value > 0 && value < max"));
            look("upload");
            browser.network(false, 0);

            browser.see("#analyses", "Done");
            browser.await(invisibilityOfElementLocated(By.cssSelector("progress")));
            browser.follow("file");
            browser.see("dl", "1.25");
        }

        @ParameterizedTest
        @CsvSource(delimiter = '|', textBlock = """
                header | The first line has "weight", which is no number: leave a header out.
                comma  | A comma stands where a decimal point may be meant: write 1.5 and not 1,5
                large  | The file is too large. It has 10.
                empty  | There are no numbers: type some, or choose a file that has some.
                """)
        void aFileThatCannotBeReadHasItsSentence(String what, String sentence) throws Exception {
            String text = switch (what) {
                case "header" -> "weight\n1\n2\n";
                case "comma" -> "1,5;2,5\n";
                case "large" -> "1.234567\n".repeat(1_200_000);
                default -> "\n \n";
            };
            browser.signIn(token(PERSON));
            browser.fill("#name", what);
            browser.see("#file").sendKeys(csv(text).toString());
            browser.expect("400");
            browser.expect("413");
            browser.press("Submit");

            browser.see("#problem", sentence);
            assertThat(browser.see("#name").getAttribute("value")).as("what was typed stays").isEqualTo(what);
            if (what.equals("comma")) { // The longest.
                look("problem");
            }
        }

        @Test
        void pagesLeadBackAndForth() throws Exception {
            String token = token(PERSON);
            for (int i = 1; i <= 45; i++) {
                assertThat(stack.submitAs(token, "a%02d".formatted(i), "[1]").statusCode()).isEqualTo(202);
            }
            browser.signIn(token);

            browser.await(seen -> names().equals(numbered(45, 26)));
            assertThat(browser.driver().findElements(By.linkText("Newest"))).isEmpty();
            browser.follow("Older");
            browser.await(seen -> names().equals(numbered(25, 6)));
            look("page");
            browser.follow("Older");
            browser.await(seen -> names().equals(numbered(5, 1)));
            assertThat(browser.driver().findElements(By.linkText("Older"))).isEmpty();
            browser.follow("Newest");
            browser.await(seen -> names().equals(numbered(45, 26)));
        }

        @Test
        void aDeletionThatAPersonLeavesIsNone() throws Exception {
            String token = token(PERSON);
            waiting(token, "kept");
            done("kept");
            browser.signIn(token);
            browser.press("Delete kept");
            browser.see("#undo", "kept is deleted.");

            browser.driver().navigate().refresh();

            browser.see("#analyses", "kept");
            assertThat(kept(token)).isEqualTo(1);
        }

        @Test
        void aFormWithoutItsCsrfTokenIsRefused() throws Exception {
            String sentence = "The form is too old, or was not this page's: reload it and send it again.";
            String token = token(PERSON);
            browser.expect("403");
            browser.open("/page/sign-in");
            browser.script("document.querySelectorAll('[name=_csrf]').forEach(field => field.remove())");
            browser.fill("#token", token);
            browser.press("Sign in");
            browser.see("main", sentence);
            look("csrf");

            browser.signIn(token);
            browser.see("#submit");
            browser.script("document.querySelectorAll('[name=_csrf]').forEach(field => field.value = 'x')");
            browser.press("Sign out");
            browser.see("main", sentence);
            browser.open("/");
            browser.see("#submit");
        }

        @Test
        void twoTabsWorkAtOnceUntilOneSignsOut() throws Exception {
            String token = token(PERSON);
            browser.signIn(token);
            browser.see("#submit");
            String first = browser.driver().getWindowHandle();
            browser.driver().switchTo().newWindow(WindowType.TAB);
            browser.open("/");
            submit("second", "2");
            browser.see("#analyses", "Done");
            String second = browser.driver().getWindowHandle();
            browser.driver().switchTo().window(first);
            submit("first", "1");
            browser.see("#analyses", "first");
            browser.see("#analyses", "second");
            browser.expect("401");

            browser.press("Sign out");
            browser.see("[role=status]", "You are signed out.");

            browser.driver().switchTo().window(second);
            submit("third", "3");
            browser.at("/page/sign-in");
            assertThat(kept(token)).isEqualTo(2);
        }

        @Test
        void aBrokenNetworkIsSaidAndGoesOnByItself() throws Exception {
            String token = token(PERSON);
            waiting(token, "patient");
            browser.signIn(token);
            browser.see("#analyses", "Running");
            stayOnThisPage();
            browser.expect("ERR_INTERNET_DISCONNECTED");
            browser.expect("htmx:sendError");
            browser.expect("htmx:afterRequest");

            browser.network(true, 0);
            browser.see("#problem", "The service cannot be reached.");
            look("offline");

            browser.network(false, 0);
            browser.seeNo("#problem", "The service cannot be reached.");
            done("patient");
            browser.see("#analyses", "Done");
            assertStayed();
        }

        @Test
        void theStateOfTheServiceIsForItsAdministrators() throws Exception {
            browser.signIn(token("analyses:read", "analyses:admin"));
            browser.follow("Service");
            browser.see("dl", "Queued");
            browser.see("dl", "Version");
            look("service");

            String other = token(PERSON);
            browser.press("Sign out");
            browser.see("[role=status]", "You are signed out.");
            browser.signIn(other);
            browser.see("#submit");
            assertThat(browser.driver().findElements(By.linkText("Service"))).isEmpty();
            browser.expect("403");
            browser.open("/page/service");
            browser.see("main", "The token does not allow this");
            look("forbidden");
        }

        @Test
        void theKeyboardIsEnough() throws Exception {
            browser.open("/page/sign-in");
            assertThat(focused().getAccessibleName()).as("where the sign-in begins").isEqualTo("Token");
            type(token(PERSON), Keys.ENTER);
            browser.see("#submit");

            List<String> stops = new ArrayList<>();
            while (!stops.contains("Submit")) {
                assertThat(stops).as("stops of the key Tab").hasSizeLessThan(15);
                type(Keys.TAB);
                stops.add(focused().getAccessibleName());
                if (stops.size() == 1) {
                    look("focus-skip");
                }
                switch (String.valueOf(focused().getAttribute("id"))) {
                    case "name" -> type("typed");
                    case "values" -> type("1 2 3");
                    default -> { }
                }
            }
            look("focus-submit");
            assertThat(stops).containsSubsequence("To the content", "Analyses", "Sign out", "Name", "Values", "CSV file", "Submit");
            type(Keys.ENTER);
            browser.see("#analyses", "Done");
        }

        private void look(String state) throws IOException {
            browser.look(url(stack).startsWith("https:") ? state : "development-" + state);
        }

        private void submit(String name, String values) {
            browser.fill("#name", name);
            browser.fill("#values", values);
            browser.press("Submit");
        }

        /** So that one sees whether the browser has loaded another page. */
        private void stayOnThisPage() {
            browser.script("window.stayed = true");
        }

        private void assertStayed() {
            assertThat(browser.script("return window.stayed")).as("the page was not loaded anew").isEqualTo(true);
        }

        private WebElement focused() {
            return browser.driver().switchTo().activeElement();
        }

        private void type(CharSequence... keys) {
            new Actions(browser.driver()).sendKeys(keys).perform();
        }

        private List<String> names() {
            return browser.driver().findElements(By.cssSelector("#analyses tr[data-id] a")).stream().map(link -> link.getText()).toList();
        }

        private static List<String> numbered(int from, int to) {
            return IntStream.iterate(from, i -> i >= to, i -> i - 1).mapToObj("a%02d"::formatted).collect(Collectors.toList());
        }

        private Path csv(String text) throws IOException {
            return Files.writeString(project.resolve("values.csv"), text).toRealPath();
        }

        /** A token of a name of its own, which is the next number; scripts/token.sh takes longer, and has tests of its own. */
        private String token(String... scopes) {
            String token = Stack.newToken();
            stack.sql("INSERT INTO access_token (hash, name, scopes, expires_at) VALUES (UNHEX(SHA2('" + token + "', 256)), 'person-" + ++tokens
                    + "', '" + String.join(" ", scopes) + "', UTC_TIMESTAMP(6) + INTERVAL 1 DAY)");
            return token;
        }

        /** The last token is expired, or revoked. */
        private void end(String how) {
            stack.sql("UPDATE access_token SET " + (how.equals("expired") ? "expires_at" : "revoked_at")
                    + " = UTC_TIMESTAMP(6) WHERE name = 'person-" + tokens + "'");
        }

        private int kept(String token) throws IOException, InterruptedException {
            return stack.getAs(token, "/api/analyses").body().split("\"createdAt\"", -1).length - 1;
        }

        /** One that a worker seems to compute for as long as the test wants. */
        private void waiting(String token, String name) throws IOException, InterruptedException {
            assertThat(stack.submitAs(token, name, "[1]").statusCode()).isEqualTo(202);
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> stack.getAs(token, "/api/analyses").body().contains("\"DONE\""));
            stack.sql("UPDATE analysis SET status = 'RUNNING', lease_owner = 'test', due_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE name = '"
                    + name + "'");
        }

        private void done(String name) {
            stack.sql("UPDATE analysis SET status = 'DONE', lease_owner = NULL, due_at = NULL WHERE name = '" + name + "'");
        }
    }
}
